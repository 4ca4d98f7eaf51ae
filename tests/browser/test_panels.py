"""Models, features and steering, driven as a reader drives them: buttons, hovering, and the keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

LOADED = 60_000
"""Milliseconds within which a model is loaded and has answered."""
PROMPT = "The fox ran to the river. The fox"


def inside(page, site: str, what: str) -> None:
    page.goto(f"{site}/models/open?model=builtin")
    page.locator("#inside-prompt").fill(PROMPT)
    page.get_by_role("button", name=what).click()
    expect(page.locator("[aria-busy]")).to_have_count(0, timeout=LOADED)


def test_a_model_opens_at_once_and_writes(page, site):
    page.goto(f"{site}/models")
    page.get_by_role("link", name="builtin").first.click()
    expect(page.locator(".results")).to_contain_text("1,476,224", timeout=LOADED)
    expect(page.locator(".sites")).to_be_hidden()
    page.locator("summary", has_text="sites").click()
    expect(page.locator(".sites tbody tr", has_text="blocks.N.attn.pattern")).to_contain_text("2 × tokens × tokens")
    page.locator("#sample-prompt").fill(PROMPT)
    page.locator("#sample-prompt").press("Control+Enter")
    expect(page.locator(".written")).to_contain_text(PROMPT, timeout=LOADED)


def test_a_model_from_the_hub_is_not_opened_by_a_link_from_elsewhere(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/models/open?model=nobody/nothing")
    expect(page.get_by_role("button", name="Open")).to_be_visible()
    expect(page.locator("h1")).to_have_text("nothing")
    page.wait_for_load_state("networkidle")
    assert not any("/api/v1/models" in url for url in asked)


def test_a_model_that_cannot_be_opened_says_why(page, site):
    page.goto(f"{site}/models")
    page.locator("#model").fill("/no/such/model")
    page.locator("#model").press("Enter")
    expect(page.locator("[data-panel=open] .error-line")).to_contain_text("no such file", timeout=LOADED)
    expect(page.get_by_role("button", name="Open")).to_be_visible()


def test_the_address_keeps_the_prompt_the_head_and_the_lens(page, site):
    inside(page, site, "Attention")
    page.get_by_role("button", name="blocks.2, head 1").click()
    page.get_by_role("button", name="Lenses").click()
    expect(page.locator(".lens caption")).to_contain_text("Logit lens", timeout=LOADED)
    for kind in ("jacobian", "tuned"):
        page.get_by_label("lens", exact=True).select_option(kind)
        expect(page).to_have_url(re.compile(rf"&layer=2&head=1&lens={kind}$"))
    page.reload()
    expect(page.locator("#inside-prompt")).to_have_value(PROMPT)
    expect(page.locator(".attention-head .panel-title")).to_have_text("blocks.2, head 1", timeout=LOADED)
    expect(page.locator(".lens caption")).to_contain_text("Tuned lens", timeout=LOADED)
    expect(page).to_have_url(re.compile(r"&layer=2&head=1&lens=tuned$"))
    # Another prompt keeps the head, and what was seen of the old one is gone.
    page.locator("#inside-prompt").fill("The owl slept.")
    page.get_by_role("button", name="Attention").click()
    expect(page).to_have_url(re.compile(r"prompt=The\+owl\+slept\.&layer=2&head=1$"), timeout=LOADED)
    assert page.locator(".lens").count() == 0


def test_attention_is_read_by_pointer_and_by_keyboard(page, site):
    inside(page, site, "Attention")
    page.locator(".map").nth(1).click()
    expect(page.locator(".attention-head")).to_contain_text("head 1")
    tokens = page.locator(".attention-line button")
    tokens.nth(2).hover()
    expect(page.locator(".links caption")).to_contain_text("(token 2)")
    expect(page.locator(".links tbody tr:not([aria-hidden])")).to_have_count(3)
    # The chosen row has an outline; a fill would read as attention.
    band = page.locator(".attention-large .band")
    assert band.evaluate("band => getComputedStyle(band).fill") == "none"
    assert band.evaluate("band => getComputedStyle(band).stroke") != "none"
    tokens.nth(2).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".links caption")).to_contain_text("(token 3)")
    # Of all tokens one is a stop of the Tab key.
    assert page.locator(".attention-line button[tabindex='0']").count() == 1


def test_the_logit_lens_tells_what_else_a_layer_considers(page, site):
    inside(page, site, "Lenses")
    cells = page.locator(".lens td button")
    cells.first.click()
    expect(page.locator(".lens-detail .t")).to_have_count(6)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lens .chosen")).to_be_focused()


def test_another_lens_can_be_chosen(page, site):
    inside(page, site, "Lenses")
    first = page.locator(".lens tbody tr").first.inner_text()
    page.get_by_label("lens", exact=True).select_option("jacobian")
    expect(page.locator(".lens caption")).to_contain_text("Jacobian lens")
    assert page.locator(".lens tbody tr").first.inner_text() != first
    expect(page.get_by_label("lens", exact=True)).to_be_focused()


def test_tokens_are_cut_as_the_model_cuts_them(page, site):
    inside(page, site, "Tokens")
    expect(page.locator(".tokens.cut .t").first).to_be_visible(timeout=LOADED)


def test_features_are_filtered_sorted_and_paged_through_by_keys(page, site):
    page.goto(f"{site}/features")
    page.locator("main a[href^='/features/']").first.click()
    page.get_by_role("link", name="density").click()
    expect(page).to_have_url(re.compile(r"order=density&down=true"))
    page.get_by_label("labelled").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"\?order=density&down=true&labelled=true$"))
    page.goto(re.sub(r"\?.*", "/1", page.url))
    page.keyboard.press("j")
    page.wait_for_url("**/2")
    page.keyboard.press("k")
    page.wait_for_url("**/1")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/models")


def test_what_is_steered_is_kept_in_the_address(page, site):
    page.goto(f"{site}/steer")
    page.locator("[data-remove]").first.click()
    page.get_by_role("button", name="Steer", exact=True).click()
    expect(page.locator("[data-answer]")).to_contain_text("Add a direction first")
    page.get_by_role("button", name="Add a prompt pair").click()
    page.locator("[data-field=plus]").fill(" bride")
    page.locator("[data-field=minus]").fill(" storm")
    page.locator("[data-slider]").fill("1.35")
    page.locator("#steer-prompts").fill("The")
    page.locator("#steer-prompts").press("Control+Enter")
    expect(page.locator(".pair")).to_have_count(1, timeout=LOADED)
    expect(page.locator(".pair [data-column]")).to_have_count(3)
    expect(page.locator(".measured")).to_contain_text("of the steered words are not in the unsteered text")
    expect(page.locator("[data-column=steered] mark").first).to_be_visible()
    assert page.locator("[data-column=plain] mark").count() == 0
    page.get_by_label("beside a random vector").uncheck()
    expect(page.locator("[data-column=random]")).to_be_hidden()
    page.reload()
    expect(page.locator("[data-field=plus]")).to_have_value(" bride")
    expect(page.locator("[data-field=coeff]")).to_have_value("1.35")
    assert page.locator(".pair").count() == 0


def test_the_number_beside_the_slider_takes_more_and_negatives(page, site):
    page.goto(f"{site}/steer?run=x&feature=3&coeff=4")
    expect(page.locator("[data-slider]")).to_have_value("2")
    for value, slider in (("-1.5", "0"), ("0.35", "0.35")):
        page.locator("[data-field=coeff]").fill(value)
        expect(page.locator("[data-slider]")).to_have_value(slider)


def test_strengths_are_compared_and_damage_is_marked(page, site):
    pair = '{"plus":" bride","minus":" storm","site":"blocks.2.in","coeff":1}'
    page.goto(f"{site}/steer?prompt=The&tokens=12&source={pair}")
    page.locator("[name=strengths]").fill("0, 1, 8")
    page.get_by_role("button", name="Compare strengths").click()
    expect(page.locator(".sweep-charts svg")).to_have_count(2, timeout=LOADED)
    expect(page.locator(".sweep-texts > div")).to_have_count(3)
    expect(page.locator(".steer-answer tbody tr")).to_have_count(3)
    page.get_by_role("button", name="use strength 8").click()
    expect(page.locator("[data-field=coeff]")).to_have_value("8")
    expect(page).to_have_url(re.compile(r"strengths=0%2C\+1%2C\+8&"))
    page.reload()
    expect(page.locator("[name=strengths]")).to_have_value("0, 1, 8")
    page.locator("[name=strengths]").fill("1, x")
    page.get_by_role("button", name="Compare strengths").click()
    expect(page.locator("[data-answer]")).to_contain_text("Write strengths as numbers")


def test_a_feature_is_tinted_and_its_strength_has_a_unit(page, site, folder):
    from glassbook.notebook import Notebook
    from glassbook.notebook.runs.feature_dashboard import FeatureDashboard

    record = Notebook(folder).runs("tour")[0]
    rows, _ = FeatureDashboard(record.folder).rows(order="density", descending=True, limit=1)
    page.goto(f"{site}/steer?run={record.id}&feature={rows[0].index}&coeff=0.5&tokens=12")
    expect(page.locator("[data-unit]")).to_contain_text("its largest recorded activation")
    page.get_by_role("button", name="Steer", exact=True).click()
    expect(page.locator(".legend")).to_contain_text("the feature’s own activation", timeout=LOADED)
    expect(page.locator(".measured")).to_contain_text("The feature is active on")
    # Another model has none of these features, and other prompts.
    page.locator("#steer-model").fill("org/other")
    page.locator("#steer-model").press("Tab")
    expect(page.locator("[data-sources-note]")).to_contain_text("This model has no features in this notebook.")
    assert page.locator("[data-kind=feature]").count() == 0
    expect(page.locator("[data-kind=actadd] [data-field=site]")).to_have_value("")
    expect(page.locator("#steer-prompts")).to_have_value("Once upon a time")


def test_damage_starts_at_the_smallest_strength_over_the_limit(page, site):
    page.goto(f"{site}/steer")
    found = page.evaluate(
        """async () => {
          const { damageStart } = await import("/static/js/steer_sweep.js");
          const rows = (pairs) => pairs.map(([strength, excess]) => ({ strength, excess }));
          return [
            damageStart(rows([[2, 3], [0, 0], [1, 0.4], [0.5, 0.1]]), 0.3),
            damageStart(rows([[0.5, 0.31], [-1, 5]]), 0.3),
            damageStart(rows([[-2, 1], [-1, 0.2]]), 0.3),
            damageStart(rows([[0, 0], [1, 0.3]]), 0.3),
          ];
        }"""
    )
    assert found == [{"at": 1, "below": 0.5}, {"at": 0.5, "below": None}, {"at": -2, "below": -1}, None]


def test_the_page_of_a_model_says_what_was_proved_of_it(page, site):
    page.goto(f"{site}/models/open?model=builtin")
    expect(page.get_by_text("Self-test: 8 of 8 proved by running it")).to_be_visible(timeout=LOADED)
