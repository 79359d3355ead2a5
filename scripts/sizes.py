"""How large the columns of a release are on the disk: what each costs, and what is left without tokens of candidates.

python -m scripts.sizes releases/demo
"""

from collections import Counter

import pyarrow.parquet as pq

from builder.machine import cli
from builder.release.open import Release, open_release
from builder.release.records import CONFIGS

_TOKENS = ("token_ids", "behavior_logprobs", "policy_logprobs", "policy_entropies")  # of `candidates`


def column_bytes(release: Release, config: str) -> Counter[str]:
    """Compressed bytes of each column of a config."""
    sizes: Counter[str] = Counter()
    for file in release.files(config):
        metadata = pq.read_metadata(file)
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            for number in range(row_group.num_columns):
                column = row_group.column(number)
                sizes[column.path_in_schema.split(".")[0]] += column.total_compressed_size
    return sizes


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    p = cli.parser("python -m scripts.sizes", __doc__)
    p.add_argument("release", metavar="RELEASE", help="directory, or a published one as USER/NAME@vX.Y.Z")
    release = open_release(p.parse_args(arguments).release)
    sizes = {config: column_bytes(release, config) for config in CONFIGS}
    rows = release.manifest["summary"]["stages"]["all"]
    print("| config | column | bytes a row |\n| --- | --- | ---: |")
    for config, columns in sizes.items():
        for column, size in columns.most_common():
            print(f"| {config} | {column} | {size / rows:,.0f} |")
    whole = sum(sum(columns.values()) for columns in sizes.values())
    tokens = sum(sizes["candidates"][name] for name in _TOKENS) + sum(sizes["expert"].values())
    print(f"\n{whole / rows:,.0f} bytes a row; {(whole - tokens) / rows:,.0f} with --candidates-without-tokens")
    return 0


if __name__ == "__main__":
    cli.run(main)
