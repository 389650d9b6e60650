# syntax=docker/dockerfile:1
# Two stages: the wheel and its locked dependencies are built, then copied into an image without
# compilers. Same steps for amd64 and arm64: docker buildx build --platform linux/amd64,linux/arm64 .
# tests/deploy/ runs these steps' outcome without root, on a read-only file system (docs/decisions/operations.md).

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# pip stays behind: what it installs goes to /opt/contact-center, which has none of its own.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/* \
 && python -m venv --without-pip /opt/contact-center
COPY requirements.lock requirements-dev.lock /src/
# The optional extras: attachments in a bucket, which many processes need, and OpenTelemetry.
RUN sed -n '/^\(obstore\|opentelemetry[a-z-]*\|googleapis-common-protos\)==/,/[^\\]$/p' /src/requirements-dev.lock > /src/extra.lock \
 && pip --python /opt/contact-center/bin/python install --no-compile --require-hashes -r /src/requirements.lock \
 && pip --python /opt/contact-center/bin/python install --no-compile --require-hashes --no-deps -r /src/extra.lock
WORKDIR /src
COPY pyproject.toml requirements.in README.md LICENSE bot.py ./
COPY analytics analytics
COPY app app
COPY approvals approvals
COPY channels channels
COPY config config
COPY core core
COPY imports imports
COPY plugins plugins
COPY sources sources
COPY docs/guide docs/guide
COPY deploy/slim.py deploy/slim.py
RUN pip wheel --no-deps --wheel-dir /wheel . \
 && pip --python /opt/contact-center/bin/python install --no-compile --no-deps /wheel/*.whl
# Tests, debug symbols and unused parts of packages go; the byte code of what is imported stays.
RUN python deploy/slim.py /opt/contact-center

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="contact-center-os" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 contact && useradd --uid 10001 --gid contact --no-create-home --home-dir /data contact \
 && install -d -o contact -g contact -m 700 /data /backups
COPY --from=build /opt/contact-center /opt/contact-center
ENV PATH=/opt/contact-center/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 PORT=8080 DATA_DIR=/data LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["contact-center"]
CMD ["run"]
