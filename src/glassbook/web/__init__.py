"""The notebook in a browser: FastAPI and Jinja2 on the server, small modules of our own JavaScript in the page.

app.py puts it together; views/ has one file for each kind of page, with its JSON beside it; render.py turns Markdown
into safe HTML and blocks.py fills its live blocks. Nothing here imports torch, and showing a page runs nothing: models
are opened by the model server, experiments by the supervisor's child processes, each because somebody asked.
"""
