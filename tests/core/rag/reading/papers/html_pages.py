"""Twenty pages as companies have them."""

from __future__ import annotations

import json

from tests.core.rag.reading.papers.paper import Paper

FRAME = "<nav><a href=/>Home</a> <a href=/shop>Shop all</a></nav>"
FOOT = "<footer>© Harbour Boats, all rights reserved</footer>"


def page(body: str, *, head: str = "", lang: str = "en") -> bytes:
    """A page with the frame of its site around it."""
    return (
        f"<!doctype html><html lang={lang}><head><meta charset=utf-8>{head}</head>"
        f"<body>{FRAME}{body}{FOOT}</body></html>"
    ).encode()


FAQ = {
    "@context": "https://schema.org",
    "@type": "FAQPage",
    "mainEntity": [
        {
            "@type": "Question",
            "name": "Refunds for vouchers",
            "acceptedAnswer": {"@type": "Answer", "text": "<p>Within <b>14 days</b>.</p>"},
        },
        {
            "@type": "Question",
            "name": "May dogs come on board?",
            "acceptedAnswer": {"@type": "Answer", "text": "Yes, on a lead."},
        },
    ],
}
GONE = ("Shop all", "all rights reserved")

PAGES = (
    Paper(
        name="plain_boxes.html",
        body=page(
            "<div>Boats leave at nine.</div><section>Bring a coat.</section><div><span>Children "
            "</span><span>under six</span> ride <em>free</em>.</div>loose words at the end"
        ),
        seen=["Boats leave at nine.", "Bring a coat.", "Children under six ride free.",
              "loose words at the end"],
        hidden=GONE,
    ),
    Paper(
        name="accordion_of_buttons.html",
        body=page(
            "<style>.panel{display:none;overflow:hidden}</style><h1>Tickets</h1>"
            "<button class=accordion>How do I change a ticket?</button>"
            "<div class=panel><p>In the app, until an hour before.</p></div>"
            "<button class=accordion>Lost tickets</button>"
            "<div class=panel><p>We print a new one for 2 €.</p></div>"
            "<p>Still a question? Ring us.</p>"
        ),
        seen=["Tickets", "How do I change a ticket?", "In the app, until an hour before.",
              "Lost tickets", "We print a new one for 2 €.", "Still a question? Ring us."],
        hidden=GONE,
        asked=[("How do I change a ticket?", "until an hour before"),
               ("Lost tickets", "a new one for 2 €")],
        title="Tickets",
    ),
    Paper(
        name="accordion_of_aria.html",
        body=page(
            "<main><h1>Help</h1><div class=item><h3><button aria-expanded=false aria-controls=p1>"
            "Where is the pier?<span aria-hidden=true>+</span></button></h3>"
            "<div id=p1 hidden>Behind the station.</div></div>"
            "<div class=item><h3><button aria-expanded=false aria-controls=p2>Parking"
            "<i class=icon aria-hidden=true>expand_more</i></button></h3>"
            "<div id=p2 style='display:none'>Two hours are free.</div></div></main>"
        ),
        seen=["Help", "Where is the pier?", "Behind the station.", "Parking",
              "Two hours are free."],
        hidden=[*GONE, "expand_more"],
        asked=[("Where is the pier?", "Behind the station"), ("Parking", "Two hours")],
    ),
    Paper(
        name="details.html",
        body=page(
            "<h1>Refunds</h1><details><summary>When is the money back?</summary>Within a week."
            "<br>By card at once.</details><details><summary>Deposit</summary><p>Half of it.</p>"
            "</details><p>All prices include tax.</p>"
        ),
        seen=["When is the money back?", "Within a week.", "By card at once.", "Deposit",
              "Half of it.", "All prices include tax."],
        hidden=GONE,
        asked=[("When is the money back?", "Within a week."), ("Deposit", "Half of it"),
               ("Refunds", "All prices include tax.")],
    ),
    Paper(
        name="terms.html",
        body=page(
            "<h2>Words</h2><dl><dt>Bow</dt><dd>The front of a boat.</dd><dt>Stern</dt>"
            "<dt>Aft</dt><dd>The back of it.</dd></dl>"
        ),
        seen=["Words", "Bow", "The front of a boat.", "Stern", "Aft", "The back of it."],
        hidden=GONE,
        asked=[("Bow", "The front of a boat."), ("Aft", "The back of it.")],
    ),
    Paper(
        name="json_ld.html",
        body=page(
            "<h1>Questions</h1><div>Refunds for vouchers</div><div>Within <b>14 days</b>.</div>",
            head=f"<script type='application/ld+json'>{json.dumps(FAQ)}</script>",
        ),
        seen=["Refunds for vouchers", "Within 14 days.", "May dogs come on board?",
              "Yes, on a lead."],
        hidden=GONE,
        asked=[("Refunds for vouchers", "Within 14 days."),
               ("May dogs come on board?", "on a lead")],
    ),
    Paper(
        name="microdata.html",
        body=page(
            "<div itemscope itemtype=https://schema.org/FAQPage><div itemscope itemprop=mainEntity "
            "itemtype=https://schema.org/Question><div itemprop=name>Insurance</div><div itemscope "
            "itemprop=acceptedAnswer "
            "itemtype=https://schema.org/Answer><div itemprop=text>It is in "
            "the price.</div></div></div></div>"
        ),
        seen=["Insurance", "It is in the price."],
        hidden=GONE,
        asked=[("Insurance", "It is in the price.")],
    ),
    Paper(
        name="hidden_notes.html",
        body=page(
            "<style>.staff{display:none}.gone{visibility:hidden}@media print{.shown{display:none}}"
            "</style><h1>Returns</h1><p hidden>Internal: no refund over 500</p><p class=staff>"
            "Agents only: be strict</p><p class=gone>Old price 30</p><p class=shown>Within 14 days."
            "</p><p style='position:absolute;left:-9999px'>best cheap boats</p><p class=sr-only>"
            "for readers of screens</p><p style='color:#fff;background:#fff'>white words</p>"
            "<div aria-hidden=true>clone of a slide</div><template>tpl words</template>"
            "<noscript>no script words</noscript><!-- a comment -->"
        ),
        seen=["Returns", "Within 14 days."],
        hidden=[*GONE, "Internal", "Agents only", "Old price", "cheap boats", "readers of screens",
                "white words", "clone of a slide", "tpl words", "no script words", "a comment"],
    ),
    Paper(
        name="address.html",
        body=page(
            "<h1>Contact</h1><address>Harbour Boats<br>Quay 3<br>8000 Zurich<br><br>"
            "<a href='tel:+41440000000'>044 000 00 00</a></address>"
            "<p>Write to <a href='mailto:hello@boats.example'>hello@boats.example</a></p>"
        ),
        seen=["Harbour Boats", "Quay 3", "8000 Zurich", "044 000 00 00", "hello@boats.example"],
        hidden=GONE,
    ),
    Paper(
        name="header_with_title.html",
        body=page(
            "<header class=top><a href=/>logo words</a></header><article><header><h1>Winter hours"
            "</h1><p>From <time>November</time></p></header><p>We open at ten.</p><footer>Last "
            "looked at in May.</footer></article>"
        ),
        seen=["Winter hours", "From November", "We open at ten.", "Last looked at in May."],
        hidden=[*GONE, "logo words"],
        title="Winter hours",
    ),
    Paper(
        name="price_table.html",
        body=page(
            "<h1>Prices</h1><table><caption>Summer 2031</caption><thead><tr><th>Boat</th><th>Hour"
            ""
            "</th><th>Day</th></tr></thead><tbody><tr><td>Canoe</td><td>10 €</td><td>50 €</td></tr>"
            "<tr><td>Yacht</td><td rowspan=2>90 €</td><td>400 €</td></tr><tr><td>Ferry</td>"
            "<td>700 €</td></tr><tr style='display:none'><td>Secret</td><td>1</td><td>2</td></tr>"
            "</tbody></table>"
        ),
        seen=["Summer 2031", "Boat", "Hour", "Canoe", "10 €", "50 €", "Yacht", "90 €", "Ferry"],
        hidden=[*GONE, "Secret"],
        asked=[("Prices", "Boat: Canoe; Hour: 10 €; Day: 50 €"),
               ("Prices", "Boat: Ferry; Hour: 90 €; Day: 700 €")],
    ),
    Paper(
        name="table_of_a_layout.html",
        body=page(
            "<table role=presentation><tr><td><h2>Left</h2><p>Left "
            "words.</p></td><td><h2>Right</h2>"
            "<p>Right words.</p></td></tr></table><table><tr><th>Seats</th><td>12</td></tr>"
            "<tr><th>Length</th><td>9 m<sup>2</sup></td></tr></table>"
        ),
        seen=["Left", "Left words.", "Right", "Right words.", "Seats: 12", "Length: 9 m²"],
        hidden=GONE,
        asked=[("Left", "Left words."), ("Right", "Right words.")],
    ),
    Paper(
        name="lists_in_lists.html",
        body=page(
            "<h1>Cleaning</h1><ul><li>Clean the boat<ul><li>with water only</li><li>never with soap"
            "</li></ul></li><li>Dry it</li></ul><ol "
            "start=3><li><p>Third</p></li><li>Fourth</li></ol>"
        ),
        seen=["Clean the boat", "with water only", "never with soap", "Dry it", "Third", "Fourth"],
        hidden=GONE,
    ),
    Paper(
        name="links.html",
        body=page(
            "<p>Use <a href='../forms/return.html?x=1'>this form</a> until 24 hours before.</p>"
            "<p><a href=javascript:void(0)>Press here</a> or <a href=#top>go up</a>.</p>"
            "<a href=/boats/9><h3>Boat nine</h3><p>For twelve.</p></a>",
            head="<link rel=canonical href=https://boats.example/help/returns>",
        ),
        seen=["Use this form until 24 hours before.", "Press here or go up.", "Boat nine",
              "For twelve."],
        hidden=GONE,
        url="https://boats.example/help/returns",
    ),
    Paper(
        name="korean_called_english.html",
        body=page("<h1>환불 안내</h1><p>구매 후 14일 안에 환불됩니다.</p>", lang="en"),
        seen=["환불 안내", "구매 후 14일 안에 환불됩니다."],
        hidden=GONE,
        locale="ko",
    ),
    Paper(
        name="korean_of_old.html",
        body="<html><head><meta charset=euc-kr><title>안내</title></head><body><p>"
        "뷁 영업시간은 아홉 시부터 "
        "여섯 시까지입니다. 똠방각하 펲시</p></body></html>".encode("cp949"),
        seen=["뷁 영업시간은 아홉 시부터 여섯 시까지입니다.", "똠방각하 펲시"],
        locale="ko",
    ),
    Paper(
        name="some_bad_bytes.html",
        body=page("<h1>Cabins</h1><p>Each cabin has a view of the sea, naïve or not.</p>").replace(
            "naïve".encode(), b"na\xefve"
        ),
        seen=["Cabins", "Each cabin has a view of the sea,"],
        hidden=GONE,
        warned=["1 characters could not be decoded"],
    ),
    Paper(
        name="tabs.html",
        body=page(
            "<div role=tablist><button role=tab id=t1 "
            "aria-controls=a>Adults</button><button role=tab "
            "id=t2 aria-controls=b>Groups</button></div><div role=tabpanel id=a aria-labelledby=t1>"
            "Twelve euros.</div><div role=tabpanel id=b aria-labelledby=t2 hidden>Ten euros each."
            "</div>"
        ),
        seen=["Adults", "Groups", "Twelve euros.", "Ten euros each."],
        hidden=GONE,
        asked=[("Adults", "Twelve euros."), ("Groups", "Ten euros each.")],
    ),
    Paper(
        name="questions_in_bold.html",
        body=page(
            "<h1>FAQ</h1><p><strong>Is there Wi-Fi?</strong></p><p>On the upper deck.</p>"
            "<p><b>Luggage</b></p><p>Two bags each.</p><div class=q>Do you ship abroad?</div>"
            "<div class=a>To Norway only.</div>"
        ),
        seen=["Is there Wi-Fi?", "On the upper deck.", "Luggage", "Two bags each.",
              "Do you ship abroad?", "To Norway only."],
        hidden=GONE,
        asked=[("Is there Wi-Fi?", "upper deck"), ("Luggage", "Two bags"),
               ("Do you ship abroad?", "To Norway")],
    ),
    Paper(
        name="checkbox_panels.html",
        body=page(
            "<style>.c input{display:none}.c .answer{max-height:0;overflow:hidden}"
            ".c input:checked ~ .answer{max-height:99em}</style><div "
            "class=c><input type=checkbox id=q1>"
            "<label for=q1>Can I bring food?</label><div class=answer>Cold food only.</div></div>"
            "<pre>code 12\n  code 13</pre><blockquote>Said a guest: lovely.</blockquote>"
            "<figure><figcaption>The old pier</figcaption></figure><p><del>20 €</del> 15 €</p>"
        ),
        seen=["Can I bring food?", "Cold food only.", "code 12", "code 13", "Said a guest: lovely.",
              "The old pier", "15 €"],
        hidden=GONE,
        asked=[("Can I bring food?", "Cold food only")],
    ),
    Paper(
        name="not_for_search.html",
        body=page("<p>Only by link.</p>", head="<meta name=robots content='noindex, follow'>"),
        seen=["Only by link."],
        hidden=GONE,
        warned=["not for customers: noindex"],
        withheld="noindex",
    ),
)  # fmt: skip
