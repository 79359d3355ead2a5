"""One real publication, for people with a token: it makes a private repository, and deletes it afterwards.

MIND_THE_GAP_HUB_TEST=1 python -m pytest tests/builder/publishing/test_real_hub.py
"""

import os
import uuid

import pytest
from huggingface_hub import HfApi, get_token

from builder.publish import main


@pytest.mark.skipif(
    not (os.environ.get("MIND_THE_GAP_HUB_TEST") and get_token()),
    reason="talks to the real Hub: set MIND_THE_GAP_HUB_TEST=1 and a token that may write",
)
def test_two_versions_on_the_real_hub(first, second, capsys):
    api = HfApi()
    repo = f"{api.whoami()['name']}/mind-the-gap-test-{uuid.uuid4().hex[:8]}"
    try:
        assert main([str(first), "--repo", repo, "--version", "1.0.0", "--private"]) == 0
        assert main([str(second), "--repo", repo, "--version", "1.1.0"]) == 0
        assert main([str(first), "--repo", repo, "--version", "1.0.0"]) == 0
        assert capsys.readouterr().out.count("equal to the release in every row") == 3
        tags = {tag.name for tag in api.list_repo_refs(repo, repo_type="dataset").tags}
        assert tags == {"v1.0.0", "v1.1.0"}
    finally:
        api.delete_repo(repo, repo_type="dataset", missing_ok=True)
