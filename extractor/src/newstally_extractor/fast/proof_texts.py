"""Texts on which the fast path has to show that it finds what the pipeline finds."""

import random
from collections.abc import Iterator

EDGES = (
    "",
    "a",
    "Paris",
    "U.N.",
    ".",
    " ",
    "   ",
    "\n",
    " \n\t \r\n\u00a0\u2003 ",
    "\u200b",
    "\ufeffBerlin",
    "Angela Merkel",
    " Angela Merkel ",
    "\nBarack Obama\nvisited\nNew York City\n",
    "Barack  Obama \n and\tAngela\u00a0Merkel   met in  Berlin ",
    "Zoe\u0308 Müller-Lüdenscheidt besuchte Îles-de-la-Madeleine",
    "北京 東京 서울 Москва القاهرة תל אביב नई दिल्ली",
    "\U0001f600\U0001f1e9\U0001f1ea Berlin \U0001f468\u200d\U0001f467 Paris\u0000\u0007",
    "I'm in L.A., can't you see? (e.g. a.m./p.m.) :-) :) ;) 8) <3 ): ( :( ) C++ $5.2bn 10%",
    "He said: ( \"it's ) J. : ) St. John's\" ... -- don't --- that\u2019s :-( (:))) .",
    "https://www.example.com/a?b=c#d me@example.org @someone #topic <b>Rome</b> [x](y) **Oslo**",
    "BREAKING NEWS FROM LONDON: PRIME MINISTER MEETS UNITED NATIONS CHIEF IN GENEVA ON MONDAY",
    "prime minister gordon brown met the united nations chief in geneva on monday",
    "x" * 3000,
    "Pneumono" * 200 + " " + "!?" * 100,
    " ".join(["New York"] * 450),
    "\n\n".join(["Mr. Kim Jong Un of North Korea."] * 30),
)
"""Empty, tiny, only white space, odd, and longer than what is computed at once."""

SENTENCES = (
    "President Barack Obama met Chancellor Angela Merkel in Berlin on Monday, 3 May 2010.",
    "Microsoft and Alphabet Inc. reported earnings of $3.5 billion, up 12 percent from last year.",
    "The United Nations Security Council voted 14 to 1 at 9:30 a.m. in New York City.",
    "French and German troops, most of them Muslim, crossed the Rhine near Lake Constance.",
    "The Eiffel Tower, Heathrow Airport and the Golden Gate Bridge were closed for three hours.",
    "Hurricane Katrina and the Second World War are in every history book of the 20th century.",
    'She read "The Old Man and the Sea" and watched Casablanca at the Cannes Film Festival.',
    "The iPhone 4, a Boeing 747 and the Toyota Corolla outsold the Linux laptop.",
    "The Clean Air Act and the Treaty of Versailles were written in English and Latin.",
    "Ten thousand people walked 25 miles from Mount Everest to the Gulf of Mexico.",
    "Real Madrid beat FC Bayern Munich 2-1; Cristiano Ronaldo scored first, in the 90th minute.",
    "Iran's Revolutionary Guards and Hezbollah fired rockets at Israel, the BBC said on Tuesday.",
    "Dr. Maria Garcia-Lopez of the University of California, Los Angeles won the Nobel Prize.",
    "Republicans in the U.S. Senate and the Labour Party in Britain oppose the Kyoto Protocol.",
    "In Sydney, John Howard said Australia would join the Asia-Pacific Economic Cooperation forum.",
)
"""One or more for every label in common use."""


def salads(seed: int) -> Iterator[str]:
    """Yield texts without end that mix the sentences' words: names where none are expected."""
    choose = random.Random(seed)  # noqa: S311 - it decides no secret
    words = [word for sentence in SENTENCES for word in sentence.split()]
    while True:
        mixed = choose.choices(words, k=choose.randint(1, 120))
        yield choose.choice((" ", " ", "  ", "\n", " \n ")).join(
            word if choose.random() < 0.8 else _changed(word, choose) for word in mixed
        )


def _changed(word: str, choose: random.Random) -> str:
    ways = (
        word.upper(),
        word.lower(),
        word.title(),
        word[::-1],
        f"({word})",
        f"{word}'s",
        f"{word},",
        word[: len(word) // 2],
    )
    return choose.choice(ways)
