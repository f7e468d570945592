"""The shell around every page: its title, its style and the navigation along the top."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.broadcast import show_broadcast
from pages.pressing import forget_presses
from pages.side import show_side

_FOLDER = Path(__file__).parent

st.set_page_config(
    page_title="Live training",
    page_icon="📈",
    layout="wide",
    initial_sidebar_state="auto",
)
st.html(f"<style>{(_FOLDER / 'shell.css').read_text(encoding='utf-8')}</style>")
_TRAIN = st.Page(_FOLDER / "train.py", title="Train", icon=":material/monitoring:", default=True)
_DATA = st.Page(_FOLDER / "data.py", title="Data", icon=":material/table_chart:")

page = st.navigation(
    [
        _TRAIN,
        _DATA,
        st.Page(_FOLDER / "evaluate.py", title="Evaluate", icon=":material/analytics:"),
        st.Page(_FOLDER / "runs.py", title="Runs", icon=":material/history:"),
        st.Page(_FOLDER / "lessons.py", title="Lessons", icon=":material/school:"),
    ],
    position="top",
)
if page in (_TRAIN, _DATA):
    show_side(has_run=page == _TRAIN)
show_broadcast()
page.run()
forget_presses()
