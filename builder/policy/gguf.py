"""Turn a GGUF file into an ordinary safetensors checkpoint: `python -m builder.policy.gguf FILE DIRECTORY DTYPE`.

The offline copy of smollm2-135m-instruct is published as GGUF; vLLM, Transformers and the trainers all read the result.
"""

import sys
from pathlib import Path

from builder.machine.atomic import new_directory


def convert(gguf: Path, output: Path, dtype: str) -> None:
    """Dequantize `gguf` and save model and tokenizer to `output`, completely or not at all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    try:
        with new_directory(output) as scratch:
            AutoTokenizer.from_pretrained(**source).save_pretrained(scratch)
            model = AutoModelForCausalLM.from_pretrained(
                **source, dtype=getattr(torch, dtype), quantization_config=GgufConfig(dequantize=True)
            )
            model.save_pretrained(scratch)
            for file in filter(Path.is_file, scratch.iterdir()):
                file.chmod(0o644)
    except OSError:
        if not output.is_dir():  # else somebody else converted the same file meanwhile
            raise


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
