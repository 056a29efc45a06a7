"""The interface specification, generated from a profile: HTML and Markdown for people, OpenAPI for programs.

`build.generate` gives every file of ``docs/interface`` as text; nothing in there is written by hand. A page is a list of
blocks (`model`), rendered twice (`html`, `markdown`), so that both say the same.
"""
