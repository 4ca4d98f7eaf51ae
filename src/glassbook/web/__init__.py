"""Web notebook: FastAPI and Jinja2 on the server, small vanilla JavaScript modules in the browser.

- app.py builds the application; serve.py runs it with uvicorn; security.py guards it.
- views/ has one router for each kind of page, with its JSON API beside it; api/ has what they share of JSON.
- render/ turns Markdown into safe HTML and fills its live blocks; export/ writes pages as files.
- templates/ and static/: a page `x` is templates/x.html, static/js/x.js and static/css/x.css, as far as it needs them;
  a live block of kind `x` is templates/blocks/x.html.

Nothing here imports torch, and showing a page runs nothing: models are opened by the model server and experiments run
as jobs, each because a reader pressed a button.
"""

from starlette.convertors import PathConvertor, register_url_convertor


class _WholePath(PathConvertor):
    regex = "(?s:.*)"  # Starlette's ends at a line end, which names of files may have


register_url_convertor("path", _WholePath())
