"""`python -m deploy.dashboards` writes deploy/grafana/dashboards; with --check it compares, and changes nothing."""

import argparse
import sys

from deploy.dashboards.definitions import known_series
from deploy.dashboards.generation import FOLDER, differences, generate, write


def main() -> int:
    """Exit code 1 where a dashboard is wrong, or with --check a file differs."""
    parser = argparse.ArgumentParser(prog="python -m deploy.dashboards", description="Write Grafana's dashboards.")
    parser.add_argument("--check", action="store_true", help="compare the files with what would be written")
    arguments = parser.parse_args()
    texts, wrong = generate(known_series())
    if not wrong and arguments.check:
        wrong = differences(texts, FOLDER)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if not arguments.check:
        write(texts, FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
