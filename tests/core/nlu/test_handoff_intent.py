"""Asking for a person is heard in words, in every language, and not where people are the topic."""

from __future__ import annotations

import time

import pytest

from core.nlu.handoff_intent import wants_person

ASKS = """
human
Human!
human please
agent
agent please
Agent, please.
operator
representative
a real person please
real person
live chat
customer service
talk to a person
I want to talk to a human
I'd like to speak to a real person
can I speak with someone?
Can I talk to an agent please
could i please chat with a live agent
let me speak to your supervisor
I need to speak to a representative about my refund
How can I talk to a human?
connect me to an agent
please connect me with a human being
transfer me to a representative
put me through to someone
put me on to an operator
get me a human
give me a real person
I want a human
I want a real person to help me
I need a human agent now
I would like a real person
this is useless, let me talk to someone real
Your answers make no sense. Speak to a person.
is there a real person there?
no more bots, I want a person
hand me over to a colleague
I want to contact a human
escalate this to a supervisor
상담원
상담원이요
상담원 연결
상담원 연결해 주세요
상담원 연결해주세요!
상담원 좀 불러주세요
상담원과 통화하고 싶어요
상담사와 이야기하고 싶습니다
상담사 연결 부탁드립니다
사람이랑 얘기하고 싶어요
사람과 대화하고 싶어
사람
사람 불러줘
사람 바꿔주세요
진짜 사람과 상담하고 싶습니다
진짜 사람 연결해줘
실제 직원이랑 이야기할 수 있나요?
직원 연결 부탁해요
담당자와 통화 가능할까요?
담당자 연결해주세요
상담원 연결 어떻게 하나요
로봇 말고 사람이랑 얘기할래요
챗봇 말고 상담원 주세요
상담원한테 직접 문의하고 싶어요
상담원 없나요?
매니저 불러주세요
환불이 안 됐어요. 상담원 연결 부탁드려요.
챗봇이랑 얘기하기 싫어요
quiero hablar con una persona
Quiero hablar con una persona.
persona
Persona, por favor
una persona real por favor
humano
Agente
hola, agente por favor
atención al cliente
¿Puedo hablar con alguien?
Me gustaría hablar con un agente
necesito hablar con un asesor ahora mismo
necesito hablar con atencion al cliente
páseme con un operador
pásame con una persona
me puede pasar con un agente?
¿Me pueden comunicar con un asesor?
comuníqueme con un representante
póngame con el encargado
me pones con alguien
quiero una persona
quiero un agente humano
necesito un humano ya
prefiero una persona de verdad
quiero que me atienda una persona
que me llame un asesor
no quiero hablar con un robot
No quiero hablar con una máquina, quiero hablar con una persona
basta de bots, quiero una persona
¿hay alguien con quien pueda hablar?
mi pedido no llega. quiero hablar con el supervisor
Cómo puedo hablar con una persona?
get me your manager
speak to manager
Could I have a human look at this?
is there someone I can talk to?
nobody answers, I need a person
""".strip().splitlines()

DOES_NOT = """
Are you a human?
Are you a robot or a real person?
How do I become an agent?
What are the agent fees?
I talked to an agent yesterday and he told me to wait
I spoke to a representative last week
I don't want to talk to a person, just tell me the fee
Do I need to speak to an agent to close my account?
How do I send money to a person abroad?
someone stole my card
Someone else used my account
Can I add another person to my account?
transfer money to someone
The delivery person never came
What is a human resources agent?
my agent told me the policy is cancelled
Do you charge for talking to an agent?
How much is the fee for speaking to an agent?
Is customer service open on Sunday?
What are customer service hours?
What is the customer service phone number?
Can I get a representative payee for my benefits?
I need a person's tax number for the form
user agent string
travel agent discount
Can two people use one card?
How many people can I invite?
what is the operator precedence
I need an agent ID
Can my representative sign the form for me?
Does the app let me chat with people abroad?
stop
help
hello
thanks
상담원이 불친절했어요
상담원이랑 통화했는데 아직 해결이 안 됐어요
상담원 연결 시간이 어떻게 되나요?
사람과 이야기하려면 어떻게 하나요?
상담원과 통화하는 방법을 알려 주세요.
고객센터 전화번호 알려주세요
고객센터 운영 시간이 언제예요?
다른 사람 카드로 결제할 수 있나요?
다른 사람에게 송금하고 싶어요
사람이 많은 시간은 언제인가요?
관리자 권한을 요청하고 싶어요
관리자 비밀번호를 바꾸고 싶어요
두 사람이 함께 쓸 수 있나요?
상담원과 얘기하고 싶지 않아요
담당자 이메일 주소가 뭐예요?
직원 할인은 어떻게 받나요?
사람이세요?
로봇이에요 사람이에요?
상담 내역은 어디서 보나요?
상담 예약을 취소하고 싶어요
직원 계정을 추가하고 싶어요
감사합니다
Can I have a person added to my plan?
상담을 받으려면 비용이 얼마인가요?
Is there someone who owns this shop?
Hablé con un agente ayer y no me ayudó
ya hablé con una persona de soporte
No quiero hablar con una persona, solo dígame el precio
¿Cuánto cuesta hablar con un asesor?
¿Tengo que pagar por otra persona?
¿Puedo añadir otra persona a mi cuenta?
la persona que trajo el paquete fue amable
el agente me dijo que esperara
¿A qué hora abre la atención al cliente?
¿Cuál es el teléfono de atención al cliente?
necesito un agente inmobiliario
después de hablar con un agente me cortaron
¿Eres una persona o un robot?
¿cuántas personas caben?
quiero cambiar la persona de contacto
mi gerente me pidió la factura
gracias
hola
""".strip().splitlines()


@pytest.mark.parametrize("text", ASKS)
def test_a_request_for_a_person_is_heard(text: str) -> None:
    assert wants_person(text)


@pytest.mark.parametrize("text", DOES_NOT)
def test_people_as_a_topic_are_no_request(text: str) -> None:
    assert not wants_person(text)


def test_a_request_among_other_lines_is_heard() -> None:
    assert wants_person("My card does not work\nand the app is down\nhuman please")
    assert wants_person("카드가 안 돼요\n상담원 연결해 주세요")


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_long_and_hostile_texts_take_no_time() -> None:
    began = time.thread_time()
    for text in (
        "connect " * 3000,
        "a" * 20_000,
        "상담원" * 5000,
        " " * 20_000,
        "i want a " * 2000,
    ):
        wants_person(text)
    assert time.thread_time() - began < 1.0
