import pytest

from builder.errors import InputError
from builder.hub import check_repo


@pytest.mark.parametrize("name", ["you/d", "an-org/Llama_3.1-d.prime"])
def test_names_that_the_hub_takes(name):
    assert check_repo(name) == name


@pytest.mark.parametrize("name", ["d", "a/b/c", "you/", "/d", "you/d--e", "you/d..e", "you/d.git", "you/-d", "a/d@v1"])
def test_names_that_it_does_not(name):
    with pytest.raises(InputError, match="USER/NAME"):
        check_repo(name)
