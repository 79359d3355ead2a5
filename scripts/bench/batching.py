"""Packed against bucketed micro-batches, on the rows of a real release: python -m scripts.bench.batching RELEASE

The release's own target, forward and backward with the DFT loss, over the same optimizer steps in the same order; both
ways alternate, so that a change of the machine's speed meets both. The best of several repetitions of each step counts.
"""

import argparse
import time

import torch
from transformers import AutoModelForCausalLM

from trainers.arguments import Settings
from trainers.batches import deal, shuffled_steps
from trainers.collate import collate
from trainers.policy import deliver_logprobs
from trainers.source import open_source

INPUTS = ("input_ids", "position_ids", "predictors", "targets")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m scripts.bench.batching", description=__doc__.split("\n\n")[0])
    p.add_argument("release")
    p.add_argument("--data", choices=("full", "expert", "self_alignment"), default="full")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--micro-rows", type=int, nargs="+", default=[2, 4, 8], help="rows of a micro-batch")
    p.add_argument("--repeat", type=int, default=2)
    return p


def main() -> None:
    """Print the table of docs/training.md."""
    args = parser().parse_args()
    source = open_source(Settings(loss="dft", dataset=args.release, output="unused", data=args.data))
    rows = source.rows
    dtype = torch.bfloat16 if args.device.startswith("cuda") else torch.float32
    model = AutoModelForCausalLM.from_pretrained(source.model.path, dtype=dtype).to(args.device)
    deliver_logprobs(model)
    steps = shuffled_steps(len(rows), args.batch_size, seed=0, epoch=0)[: args.steps]

    def seconds(step: list[int], count: int, batching: str) -> tuple[float, int]:
        batches = [collate([rows[i] for i in part], batching) for part in deal(step, rows.lengths, count, batching)]
        began = time.perf_counter()
        for batch in batches:
            logprobs, _ = model(**{name: batch[name].to(args.device) for name in INPUTS})
            (-logprobs.sum()).backward()
        if args.device.startswith("cuda"):
            torch.cuda.synchronize()
        took = time.perf_counter() - began
        model.zero_grad()
        return took, sum(batch["input_ids"].numel() for batch in batches)

    tokens = sum(int(rows.lengths[step].sum()) for step in steps)
    print(f"{source.target.name} on {args.device}, attention {model.config._attn_implementation}; {tokens:,} tokens\n")
    print("| rows a micro-batch | bucketed, tokens/s | padding | packed, tokens/s | packed / bucketed |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    seconds(steps[0], len(steps[0]), "bucketed")  # warm up
    for micro_rows in args.micro_rows:
        count = -(-args.batch_size // micro_rows)
        best, positions = {"bucketed": 0.0, "packed": 0.0}, {"bucketed": 0, "packed": 0}
        for step in steps:
            taken = {name: [seconds(step, count, name) for _ in range(args.repeat)] for name in best}
            for name, times in taken.items():
                best[name] += min(took for took, _ in times)
                positions[name] += times[0][1]
        print(
            f"| {micro_rows} | {tokens / best['bucketed']:,.0f} | {1 - tokens / positions['bucketed']:.1%} | "
            f"{tokens / best['packed']:,.0f} | {best['bucketed'] / best['packed']:.2f} |"
        )


if __name__ == "__main__":
    main()
