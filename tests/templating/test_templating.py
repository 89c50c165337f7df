"""Templates: what they can say, what they cannot reach, and what they may not cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.errors import TemplateError
from err_confirm.templating import check, names, render, render_value, unquoted
from hostile import BOMBS, ESCAPES

VARIABLES = {"host": "web1", "hosts": ["web1", "web2"], "count": 3, "big": [{"a": i} for i in range(5_000)]}

MEANINGS = {
    "": "",
    "plain": "plain",
    "restart {{ host }}": "restart web1",
    "{{ hosts | join(', ') }}": "web1, web2",
    "{{ ', '.join(hosts) }}": "web1, web2",
    "{{ hosts | map('upper') | list }}": "['WEB1', 'WEB2']",
    "{{ big | selectattr('a', 'lt', 2) | map(attribute='a') | join('+') }}": "0+1",
    "{{ big | length }} {{ count * 2 }} {{ 2 ** 10 }} {{ 1.5 * 100000000 }}": "5000 6 1024 150000000.0",
    "{{ host.replace('web', 'db') | upper }}": "DB1",
    "{{ host | replace('web', 'db') | indent(2, true) }}": "  db1",
    "{{ '%s-%03d' | format(host, count) }}": "web1-003",
    "{{ missing | default('none') }}": "none",
    "{% for h in hosts %}{{ loop.index }}/{{ loop.length }} {{ h }} {{ loop.cycle('a', 'b') }};{% endfor %}": (
        "1/2 web1 a;2/2 web2 b;"
    ),
    "{% for key, value in {'a': 1}.items() %}{{ key }}={{ value }}{% endfor %}": "a=1",
    "{% for h in hosts if h != 'web1' %}{{ h }}{% else %}none{% endfor %}": "web2",
    "{% set n = namespace(x=0) %}{% for i in range(4) %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}": "6",
    "{% if host is string and 'web1' in hosts %}\n  yes\n{% endif %}\nend": "  yes\nend",
    "{{ host }}{~}details": "web1{~}details",
    "{% raw %}{{ host }}{% endraw %}": "{{ host }}",
    "{{ 3.14159 | round(2) }} {{ hosts[0][-1] }} {{ (1, 2)[1] }} {{ host ~ '-' ~ count }}": "3.14 1 2 web1-3",
    "{{ {'b': 1, 'ä': [true, none]} | to_json_string }}": '{"b": 1, "ä": [true, null]}',
    "{{ {'a': [1]} | to_yaml_string }}": '{\n  "a": [\n    1\n  ]\n}',
    "{{ 'v1.2' | regex_match('v[0-9]') }} {{ 'a v1' | regex_match('V', true) }}": "True False",
    "{{ 'a v1' | regex_search('V', ignorecase=true) }} {{ 'a1b2' | regex_substring('[a-z]([0-9])', 1) }}": "True 2",
    "{{ 'web1 db2' | regex_replace('([a-z]+)([0-9])', '\\\\2\\\\1') }}": "1web 2db",
    "{{ 3785 | to_human_time_from_seconds }} {{ 0.2 | to_human_time_from_seconds }}": "1h3m5s 0s",
    "{{ 'a\"b' | json_escape }} {{ ('[1, 2]' | from_json_string)[1] }}": 'a\\"b 2',
    "{{ '/a/b' | basename }} {{ '/a/b' | dirname }} {{ ['/a', count, 'b'] | path_join }}": "b /a /a/3/b",
    "{{ [none | use_none] | to_complex }} {{ [1] | pprint }}": "[null] [\n  1\n]",
    "{{ 'a b; id' | quote }} {{ hosts | quote }} {{ ['a b', 'c'] | quote }}": "'a b; id' web1 web2 'a b' c",
}


@pytest.mark.parametrize(("template", "text"), MEANINGS.items())
def test_a_template_gives_a_text(template, text):
    """Nothing is escaped, as it is no web page."""
    assert render(template, VARIABLES) == text


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ hosts }}", ["web1", "web2"]),
        ("{{ count }}", 3),
        ("{{ count > 2 }}", True),
        ("{{- none -}}", None),
        ("{{ {'a': (1, host)} }}", {"a": [1, "web1"]}),
        ("{{ hosts | map('upper') }}", ["WEB1", "WEB2"]),
        ("{{ range(3) | list }}", [0, 1, 2]),
        ("{{ hosts }}\n", ["web1", "web2"]),
        (" {{ count }}", " 3"),
        ("{{ count }}{{ count }}", "33"),
        ("plain\n", "plain\n"),
    ],
)
def test_a_lone_expression_keeps_its_values_type(template, value):
    """So a list can become several arguments; with anything around it, it is text."""
    rendered = render_value(template, VARIABLES)
    assert (rendered, type(rendered)) == (value, type(value))


@pytest.mark.parametrize("template", ESCAPES)
def test_a_template_reaches_nothing_but_its_variables(template):
    """Each is refused in a sentence, whichever way it is rendered."""
    for how in (render, render_value):
        with pytest.raises(TemplateError, match=r"^the template `"):
            how(template, VARIABLES)


@pytest.mark.parametrize("template", BOMBS)
def test_a_template_bomb_is_refused(template):
    """Before the large thing is made: otherwise this test would not end."""
    for how in (render, render_value):
        with pytest.raises(TemplateError, match=r"^the template `"):
            how(template, VARIABLES)


def test_what_is_rendered_has_at_most_65536_characters():
    """Also a value that is passed on as it is."""
    long = {"text": "x" * 65_536, "items": ["x" * 70_000]}
    assert render("{{ text }}", long) == long["text"]
    for template in ("{{ text }}.", "{{ items }}", "{{ items[0] }}"):
        for how in (render, render_value):
            with pytest.raises(TemplateError, match="it gives more than 65,536 characters"):
                how(template, long)


@pytest.mark.parametrize("value", ["{{ 7 * 7 }}", "{% for x in y %}", "{{ host", "#}", "{~}"])
def test_a_value_from_chat_is_never_a_template(value):
    """It comes out as it went in."""
    assert render("{{ host }}", {"host": value}) == value
    assert render("say {{ host }}", {"host": value}) == f"say {value}"
    assert render_value("{{ host }}", {"host": value}) == value


@given(st.text())
def test_every_value_comes_out_as_it_went_in(value):
    """Whatever characters it has."""
    assert render_value("{{ host }}", {"host": value}) == value
    assert render("<{{ host }}>", {"host": value}) == f"<{value}>"


@given(st.text("{}%#'\"()[]|.,:~+*-_ abfo0119\n", max_size=40))
def test_no_template_raises_anything_but_our_error(template):
    """Whatever it says."""
    for how in (render, render_value):
        try:
            how("{{ " + template, {"a": "x", "b": [1]})
            how(template, {"a": "x", "b": [1]})
        except TemplateError:
            pass


def test_the_budget_is_for_each_rendering_anew():
    """One that used half of it does not shorten the next."""
    template = "{% for i in range(9000) %}x{% endfor %}"
    for _ in range(4):
        assert len(render(template, {})) == 9_000


def test_a_result_of_ordinary_size_is_rendered():
    """A thousand rows of a table, and 60,000 characters of output line by line."""
    rows = [{"name": f"host{i}", "state": "up", "address": "10.0.0.1"} for i in range(1_000)]
    template = "{% for r in rows %}{{ r.name }} - {{ r.state | upper }} -- {{ r.address }}\n{% endfor %}"
    assert render(template, {"rows": rows}).count("\n") == 1_000
    output = "\n".join(["x" * 59] * 1_000)
    assert render("{% for l in o.splitlines() %}{{ l | trim }}\n{% endfor %}", {"o": output}) == output + "\n"


def test_a_broken_template_is_found_without_rendering():
    """The sentence says what is wrong, and in which line if there are several."""
    check("{{ anything.at_all }}")
    with pytest.raises(TemplateError, match=r"^the template `{% if x %} a` fails: .* in its line 2"):
        check("{% if x %}\na")
    with pytest.raises(TemplateError, match=r'there is no filter "joni" \(did you mean "join"\?\)'):
        check("{% if false %}{{ hosts | joni }}{% endif %}")


def test_the_names_that_a_template_reads_are_known():
    """Its own names are not among them."""
    assert names("{% for h in hosts %}{{ h ~ env }}{% set x = 1 %}{{ x }}{% endfor %}{{ range(2) }}") == {
        "hosts",
        "env",
    }


@pytest.mark.parametrize(
    ("template", "raw"),
    [
        ("{{ a }}", {"a"}),
        ("{{ a | quote }}", set()),
        ("{{ a | trim | quote }}", set()),
        ("{{ a | quote ~ b }}", {"b"}),
        ("{{ a | map('quote') | join(' ') }}", set()),
        ("{{ a | upper }}{% if b %}{{ c | quote }}{% endif %}", {"a", "b"}),
    ],
)
def test_what_is_used_without_quotes_is_known(template, raw):
    """For the warnings about shells."""
    assert unquoted(template) == raw
