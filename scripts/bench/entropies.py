"""How well entropies of a policy's next-token distributions are known from its likeliest tokens alone.

python -m scripts.bench.entropies ../shared/data/gsm8k_train.jsonl ../shared/data/math500.jsonl

Exact entropies come from the whole distribution, as the embedded engine computes it; estimates and their bounds are
those that a release from vLLM holds (`builder.engines.entropy`).
"""

from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM

from builder.config import SourceSpec, load_target
from builder.engines.entropy import entropies_of
from builder.machine import cli
from builder.policy.chat import Chat
from builder.policy.models import resolve_model
from builder.sources.load import load
from builder.sources.rows import SourceRow

LIKELIEST = (5, 20, 100)


def main() -> None:
    """Print one table."""
    p = cli.parser("python -m scripts.bench.entropies", __doc__)
    p.add_argument("source", nargs="+", help="built-in source or file with problems and solutions")
    p.add_argument("--target", default="smollm2-135m-instruct")
    p.add_argument("--rows", type=int, default=40, metavar="N", help="of each source (default: %(default)s)")
    args = p.parse_args()
    target = load_target(args.target)
    path = Path(resolve_model(target).path)
    chat, model = Chat(path, target), AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    table = Table("source", "k", "tokens", "entropy", "excess surprisal", "estimate − exact", "bound", box=None)
    for source in args.source:
        rows = load([SourceSpec(name=source)], args.rows, seed=0).rows
        found = [_distributions(model, chat, row) for row in rows if isinstance(row, SourceRow)]
        exact = np.concatenate([entropy for entropy, _, _ in found])
        surprisal = np.concatenate([nll for _, nll, _ in found])
        for k in LIKELIEST:
            likeliest = np.concatenate([top[:, :k] for _, _, top in found])
            estimate, bound = entropies_of(likeliest, model.config.vocab_size)
            figures = (exact.mean(), (surprisal - exact).mean(), np.mean(estimate - exact), np.mean(bound))
            table.add_row(Path(source).stem, str(k), str(len(exact)), *(f"{value:+.4f}" for value in figures))
    Console().print(table)


@torch.inference_mode()
def _distributions(model: torch.nn.Module, chat: Chat, row: SourceRow) -> tuple[np.ndarray, ...]:
    """Entropies and negative log-probs `[time]` of a solution, and the likeliest tokens' log-probs `[time, k]`."""
    prompt, completion = chat.plain_prompt(row.problem), chat.completion(row.expert_solution)
    logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
    distribution = torch.log_softmax(logits.float(), dim=-1)
    entropy = torch.special.entr(distribution.exp()).sum(dim=-1)
    surprisal = -distribution.gather(1, torch.tensor(completion)[:, None])[:, 0]
    return entropy.numpy(), surprisal.numpy(), distribution.topk(max(LIKELIEST)).values.numpy()


if __name__ == "__main__":
    main()
