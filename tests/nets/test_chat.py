"""Chat templates."""

import pytest
from tiny_models import TEMPLATE, chat_model

from glassbook.errors import GlassbookError
from glassbook.nets.chat import can_chat, chat_prompt


def test_what_is_said_stands_in_the_models_own_form():
    lm = chat_model(TEMPLATE)
    assert chat_prompt(lm, "Who?") == "[user] Who?\n[assistant] "
    assert chat_prompt(lm, "Who?", system="Be brief.") == "[system] Be brief.\n[user] Who?\n[assistant] "
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert chat_prompt(lm, talk) == "[user] a\n[assistant] b\n[user] c\n[assistant] "
    assert "role" in talk[0]
    assert len(talk) == 3


def test_models_that_do_not_chat_say_so():
    with pytest.raises(GlassbookError, match="chatty has no chat template"):
        chat_prompt(chat_model(None), "Who?")
    assert [can_chat(chat_model(template)) for template in (TEMPLATE, None)] == [True, False]


def test_the_refusal_of_a_template_is_passed_on_and_no_code_is_run():
    with pytest.raises(GlassbookError, match="no tools here"):
        chat_prompt(chat_model(TEMPLATE), [{"role": "tool", "content": "x"}])
    with pytest.raises(GlassbookError, match="refuses this"):
        chat_prompt(chat_model("{{ ''.__class__.__mro__[1].__subclasses__() }}"), "Who?")
