"""Settings: defaults, both files, and errors that name the key."""

from pathlib import Path

import pytest

from postil.errors import ConfigError
from postil.settings import Settings, load_settings, parse_settings, postil_home


def test_nothing_given_means_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings == Settings()
    assert settings.review.mode == "shadow"


def test_postil_toml_wins_over_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.postil.train]\nrank = 4\n", encoding="utf-8")
    assert load_settings(tmp_path).train.rank == 4
    (tmp_path / "postil.toml").write_text("[train]\nrank = 8\n", encoding="utf-8")
    assert load_settings(tmp_path).train.rank == 8
    assert load_settings(tmp_path, tmp_path / "postil.toml").train.rank == 8


def test_a_project_without_our_table_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "[train]\nlearning_rat = 1\n",
            "unknown key train.learning_rat; did you mean train.learning_rate",
        ),
        ("[trian]\n", "unknown key trian; did you mean train"),
        ("zzz = 1\n", "unknown key zzz; known: repo, mining"),
        ("[train]\nrank = 0\n", "rank must be at least 1"),
        ("[train]\nbatch = 0\n", "batch >= 1"),
        ("[train]\nmode = 'magic'\n", "magic"),
        ("[mining]\nshares = [1, 1, 1, 1]\n", "shares"),
        ("[mining]\nwindow_lines = 2\n", "window_lines"),
        ("[augment]\nphrasings = 6\n", "phrasings must be from 1 to 5"),
        ("[augment]\njitter = 9\n", "must be from 0 to 8"),
        ("[augment]\nrenaming = -1\n", "must be from 0 to 8"),
        ("[augment]\nengine = 'https://gpu:8000'\n", "engine_model must name the model"),
        ("[augment]\nthrough = ' , '\n", "through must name a language"),
        ("[augment]\nleast_alike = 0.96\n", "least_alike < most_alike"),
        ("[augment]\nparaphrases = 1\n", "did you mean augment.paraphrase?"),
        ("train = 3\n", "train"),
        ("[train\n", "not TOML"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(text: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "postil.toml")
    assert what in str(caught.value)
    assert str(caught.value).startswith("postil.toml: ")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, tmp_path / "no.toml")


def test_home_is_where_the_environment_says(tmp_path: Path) -> None:
    assert postil_home({"POSTIL_HOME": str(tmp_path)}) == tmp_path
    assert postil_home({"XDG_DATA_HOME": "/x", "LOCALAPPDATA": "/x"}).name == "postil"


def test_augmenting_is_off_unless_asked_for() -> None:
    augment = Settings().augment
    assert augment.phrasings == 1
    assert not (augment.jitter or augment.renaming or augment.rewords)


def test_an_engine_is_a_server_or_a_model() -> None:
    text = "[augment]\nengine = 'http://gpu:8000'\nengine_model = 'm'\nthrough = 'French, German'\n"
    augment = parse_settings(text, "postil.toml").augment
    assert augment.served and augment.languages == ("French", "German")
    assert not parse_settings("[augment]\nengine = '/models/m'\n", "postil.toml").augment.served


@pytest.mark.parametrize(("every", "seconds"), [("", 0), ("90m", 5400), ("7d", 604800)])
def test_how_often_is_a_number_and_a_unit(every: str, seconds: float) -> None:
    assert parse_settings(f'[retrain]\nevery = "{every}"', "t").retrain.every_s == seconds


@pytest.mark.parametrize(
    "line",
    [
        'every = "weekly"',
        'every = "0d"',
        'every = "7 d"',
        "min_new = -1",
        'notify_url = "http://example.org/x"',
        'notify_url = "https://user:secret@example.org/"',
        'notify_url = "http://127.0.0.1.example.org/"',
        'notify_url = "file:///etc/passwd"',
    ],
)
def test_what_retraining_cannot_use_is_refused_by_name(line: str) -> None:
    with pytest.raises(ConfigError, match=line.split(" ")[0]):
        parse_settings(f"[retrain]\n{line}", "t")


@pytest.mark.parametrize(
    "url", ["https://example.org/hook?a=b", "http://127.0.0.1:99/x", "http://[::1]/x"]
)
def test_who_may_be_told(url: str) -> None:
    assert parse_settings(f'[retrain]\nnotify_url = "{url}"', "t").retrain.notify_url == url
