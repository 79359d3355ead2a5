"""The embedded engine behind the wire that vLLM speaks: exactly the subset that `HttpEngine` uses.

    python -m builder.engines.transformers_server --model DIR --port 8000 --served-model-name NAME \\
        --dtype bfloat16 --max-model-len 2048

Why a server, when the engine could live in the pipeline: distilabel runs every step in a process of its own. One
server means one copy of the weights and batches across steps, and the steps speak one wire whichever engine answers.
It listens on this machine only. There is no tokenizer here: choices carry token ids and no text.
"""

import argparse
import secrets
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aiohttp import web

from builder.engines import wire
from builder.engines.protocol import Completion, SamplingParams
from builder.engines.transformers_engine import TransformersEngine
from builder.errors import EngineError

_MAX_BODY = 64 << 20  # bytes
_FIELDS = {
    *("model", "prompt", "n", "max_tokens", "temperature", "top_p", "stop_token_ids", "seed"),
    *("ignore_eos", "logprobs", "prompt_logprobs", "return_token_ids", "skip_special_tokens"),
    *wire.NEUTRAL,
}


class RequestError(Exception):
    """A request that we refuse; the message says why and goes back with status 400."""


def make_app(engine: TransformersEngine, name: str, max_model_len: int) -> web.Application:
    """The web application around an engine, which it closes at the end.

    Args:
        engine: answers the requests.
        name: of the model, on the wire.
        max_model_len: tokens of prompt plus completion at most.
    """

    async def health(_: web.Request) -> web.Response:
        return web.Response()

    async def engine_version(_: web.Request) -> web.Response:
        return web.json_response({"version": version("transformers")})

    async def models(_: web.Request) -> web.Response:
        card = {"id": name, "object": "model", "owned_by": "transformers", "max_model_len": max_model_len}
        return web.json_response({"object": "list", "data": [card]})

    async def completions(request: web.Request) -> web.Response:
        try:
            body = await _parsed(request, name, max_model_len)
            engine.check_tokens(body["prompt"])
        except (RequestError, EngineError) as error:
            return _refusal(400, error)
        try:
            return web.json_response(await _answer(engine, body))
        except EngineError as error:
            return _refusal(500, error)

    async def close(_: web.Application) -> None:
        await engine.close()

    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_get(wire.HEALTH, health)
    app.router.add_get(wire.VERSION, engine_version)
    app.router.add_get(wire.MODELS, models)
    app.router.add_post(wire.COMPLETIONS, completions)
    app.on_cleanup.append(close)
    return app


def _refusal(status: int, error: Exception) -> web.Response:
    return web.json_response({"error": {"message": str(error), "code": status}}, status=status)


async def _parsed(request: web.Request, name: str, max_model_len: int) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise RequestError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise RequestError("the body is not an object")
    check_request(body, name, max_model_len)
    return body


def check_request(body: dict[str, Any], name: str, max_model_len: int) -> None:
    """Refuse what this server would otherwise have to ignore or could not do.

    Raises:
        RequestError: naming the field.
    """
    if unknown := sorted(body.keys() - _FIELDS):
        raise RequestError(f"unknown field {', '.join(unknown)}")
    for field, neutral in wire.NEUTRAL.items():
        if body.get(field, neutral) != neutral:
            raise RequestError(f"{field} must be {neutral} or absent")
    if body.get("model", name) != name:
        raise RequestError(f"the model {body['model']!r} does not exist; this server has {name!r}")
    prompt, n, max_tokens = body.get("prompt"), body.get("n", 1), body.get("max_tokens", 16)
    if not isinstance(prompt, list) or not prompt or not all(_is_int(token, 0) for token in prompt):
        raise RequestError("prompt must be a list of token ids")
    if not _is_int(n, 1) or not _is_int(max_tokens, 1):
        raise RequestError("n and max_tokens must be whole numbers above 0")
    if len(prompt) + max_tokens > max_model_len:
        raise RequestError(
            f"the prompt's {len(prompt)} tokens and max_tokens {max_tokens} exceed max_model_len {max_model_len}"
        )
    stops = body.get("stop_token_ids", [])
    if not isinstance(stops, list) or not all(_is_int(token, 0) for token in stops):
        raise RequestError("stop_token_ids must be a list of token ids")
    if body.get("prompt_logprobs") is not None:
        if body["prompt_logprobs"] not in (0, wire.TOP) or max_tokens != 1 or n != 1:
            raise RequestError(f"prompt_logprobs must be 0 or {wire.TOP}, with n 1 and max_tokens 1")
    else:
        _check_sampling(body)


def _check_sampling(body: dict[str, Any]) -> None:
    temperature, top_p = body.get("temperature", 1.0), body.get("top_p", 1.0)
    if not _is_number(temperature) or not temperature >= 0:
        raise RequestError("temperature must be 0 or above")
    if temperature == 0 and body.get("n", 1) != 1:
        raise RequestError("n must be 1 at temperature 0")  # as in vLLM
    if not _is_number(top_p) or not 0 < top_p <= 1:
        raise RequestError("top_p must be above 0 and at most 1")
    if not _is_int(body.get("seed", 0), None):
        raise RequestError("seed must be a whole number")
    if body.get("logprobs") != 0 or not body.get("return_token_ids") or not body.get("ignore_eos"):
        raise RequestError("logprobs must be 0, return_token_ids and ignore_eos true: there is nothing else here")


def _is_int(value: Any, minimum: int | None) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and (minimum is None or value >= minimum)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


async def _answer(engine: TransformersEngine, body: dict[str, Any]) -> dict[str, Any]:
    prompt = body["prompt"]
    if body.get("prompt_logprobs") is not None:
        scores = await engine.score(prompt[:1], prompt[1:])
        entries = [{str(token): {"logprob": x}} for token, x in zip(prompt[1:], scores.logprobs, strict=True)]
        known = {"prompt_logprobs": [None, *entries], "prompt_entropies": [None, *scores.entropies]}
        return {"choices": [{"index": 0, **known}]}
    params = SamplingParams(
        temperature=body.get("temperature", 1.0),
        top_p=body.get("top_p", 1.0),
        max_tokens=body.get("max_tokens", 16),
        stop_token_ids=tuple(body.get("stop_token_ids", [])),
    )
    seed = body.get("seed", secrets.randbits(31))
    drawn = await engine.generate(prompt, params, body.get("n", 1), seed)
    return {"choices": [_choice(index, completion) for index, completion in enumerate(drawn)]}


def _choice(index: int, completion: Completion) -> dict[str, Any]:
    return {
        "index": index,
        "finish_reason": completion.finish_reason,
        "token_ids": completion.token_ids,
        "logprobs": {"token_logprobs": completion.logprobs},
    }


def main(argv: list[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="transformers_server", description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="directory with safetensors weights")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--served-model-name", required=True)
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    parser.add_argument("--max-model-len", type=int, required=True, help="tokens of prompt plus completion")
    arguments = parser.parse_args(argv)
    try:
        engine = TransformersEngine(arguments.model, arguments.dtype)
    except EngineError as error:
        sys.exit(str(error))
    app = make_app(engine, arguments.served_model_name, arguments.max_model_len)
    web.run_app(app, host="127.0.0.1", port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
