"""`python -m attacks.attacker NAME …`: one attack, in a process of its own."""

import argparse
import sys

from attacks import calls, connections, frames, links, streams, texts  # noqa: F401 - the catalogue
from attacks.attacking import CATALOGUE, Ground


def main() -> None:
    """Say `begun`, attack, and end when time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[*CATALOGUE, "burn"])
    parser.add_argument("--gateway", type=int, default=0)
    parser.add_argument("--extractor", type=int, default=0)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    ground = Ground(options.gateway, options.extractor, options.seconds, options.seed)
    if options.name == "burn":
        while ground.going():
            pass
    else:
        CATALOGUE[options.name].run(ground)


if __name__ == "__main__":
    main()
