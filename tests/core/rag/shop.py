"""What a coffee shop has written down, for tests that need a company of its own."""

from __future__ import annotations

FAQ = [
    ("How long does delivery take?", "We deliver within three working days, everywhere."),
    ("What does shipping cost?", "Shipping costs 4.90 euros, and nothing from 50 euros on."),
    ("Can I return a grinder?", "Return it unused within 30 days; the refund takes 5 days."),
    ("Which colours does the grinder come in?", "The colour of the grinder is black or white."),
    ("How do I clean the grinder?", "Brush the burrs once a week and never use water."),
    ("Do you roast the beans yourselves?", "Yes, every Tuesday, in our own roastery in Leeds."),
    ("When is the shop open?", "The shop is open Monday to Saturday from 9 am to 6 pm."),
    ("Can I change my subscription?", "Change it in your account until two days before it leaves."),
    ("How do I pause a subscription?", "Press Pause in your account; it waits up to three months."),
    ("Do you sell decaf?", "Yes, the Andino decaf, whole or ground."),
    ("Which payment methods do you take?", "We take all cards, PayPal and bank transfer."),
    ("How long are beans fresh?", "Beans are at their best for eight weeks after roasting."),
    ("Do you grind the beans for me?", "Choose a grind when you order; we grind it that day."),
    ("Is there a warranty on machines?", "Machines have a warranty of two years."),
    ("Where is my invoice?", "You find every invoice in your account under Orders."),
    ("Can I collect my order?", "Yes, from the shop in Mill Lane, two hours after ordering."),
    ("Do you offer courses?", "We teach espresso on the first Sunday of each month for 45 euros."),
    ("How do I descale the machine?", "Run the descaler through it every three months."),
    ("Are your cups dishwasher safe?", "Porcelain cups are, the bamboo ones are not."),
    ("Do you have gift cards?", "Gift cards come by e-mail, from 10 to 200 euros."),
]
FAQ_KO = [
    ("배송은 얼마나 걸리나요?", "전국 어디나 영업일 기준 3일 안에 배송합니다."),
    ("배송비는 얼마인가요?", "배송비는 3,000원이고 5만 원부터는 무료입니다."),
    ("반품할 수 있나요?", "사용하지 않은 상품은 30일 안에 반품하실 수 있습니다."),
    ("매장은 언제 여나요?", "매장은 월요일부터 토요일까지 오전 9시부터 오후 6시까지 엽니다."),
    ("원두는 얼마나 신선한가요?", "원두는 로스팅 후 8주 안에 드시는 것이 가장 좋습니다."),
    ("디카페인 원두도 있나요?", "네, 안디노 디카페인이 있습니다."),
]
WORDINGS = {
    "How long does delivery take?": (
        "when will my parcel arrive", "how many days until it is here", "delivery time please",
        "how fast do you ship",
    ),
    "What does shipping cost?": (
        "how much is postage", "what do I pay for delivery", "shipping fee?", "is delivery free",
    ),
    "Can I return a grinder?": (
        "I want to send the grinder back", "is it possible to give a grinder back",
        "returning a grinder", "may I return it if I do not like it",
    ),
    "Which colours does the grinder come in?": (
        "is there a white grinder", "what colors can I get it in", "grinder colour options",
        "does the grinder exist in black",
    ),
    "How do I clean the grinder?": (
        "cleaning the burrs", "how often should I brush the grinder", "my grinder is dirty",
        "what do I clean it with",
    ),
    "When is the shop open?": (
        "opening hours", "are you open on Saturday", "until when can I come by",
        "what time does the shop close",
    ),
    "Can I change my subscription?": (
        "I would like other beans in my subscription", "edit my subscription",
        "how late can I change the next delivery", "switch the subscription to decaf",
    ),
    "How do I pause a subscription?": (
        "I am on holiday, stop my subscription for a month", "can the subscription wait",
        "pausing deliveries", "skip the next delivery",
    ),
    "Which payment methods do you take?": (
        "can I pay by card", "do you accept paypal", "ways to pay", "is bank transfer possible",
    ),
    "Is there a warranty on machines?": (
        "how long is the guarantee", "my machine broke after a year", "warranty period",
        "guarantee of the espresso machine",
    ),
    "Where is my invoice?": (
        "I need a receipt", "where do I download the invoice", "send me my bill please",
        "invoice for my order",
    ),
    "Do you offer courses?": (
        "can I learn to make espresso", "barista course price", "when is the next course",
        "coffee workshop",
    ),
}  # fmt: skip
