// The knowledge page: documents are dropped here, and what became of each is said beside it.

import { takesFiles } from "../core/drop.js";
import { announce, wordsOf } from "../core/say.js";

const upload = document.getElementById("upload");
const taken = document.getElementById("taken");
const say = wordsOf(upload);

function told(file, answer) {
  const item = document.createElement("li");
  const line = document.createElement("p");
  line.textContent = say("taken", { name: file.name, ...answer });
  item.append(line);
  if (answer.warnings.length) {
    const list = document.createElement("ul");
    for (const warning of answer.warnings) {
      const one = document.createElement("li");
      one.textContent = warning;
      list.append(one);
    }
    item.append(list);
  }
  taken.append(item);
  announce(line.textContent);
}

/** The list of articles as it is now, and all that else stands on the page as it was. */
async function redraw() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["articles", "files", "removed"]) {
    const there = page.getElementById(id);
    const here = document.getElementById(id);
    if (there && here) here.replaceWith(there);
    else if (there) document.getElementById("articles").before(there);
  }
}

takesFiles(upload, {
  address: (file) => `/api/knowledge/files?name=${encodeURIComponent(file.name)}`,
  done: (answer, file) => told(file, answer),
  after: redraw,
});
