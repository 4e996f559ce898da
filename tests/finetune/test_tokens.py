"""What a line of code is found by."""

from finetune.tokens import code_tokens


def test_names_are_split_and_calls_blocks_and_operators_kept() -> None:
    assert code_tokens("except:") == ["except", "except:"]
    assert code_tokens("getHTTPResponse(user_id)") == [
        *("get", "http", "response", "gethttpresponse", "gethttpresponse("),
        *("user", "id", "user_id"),
    ]
    assert code_tokens("if a == None and b>=10: x -= 1") == [
        *("if", "a", "==", "none", "and", "b", ">=", "10", "x", "-=", "1"),
    ]
    assert code_tokens("größe := _") == ["größe", ":=", "_"]
