@echo off
rem Does what `make run` does: start-windows.bat [--case NAME^|FILE] [--port 8050]
cd /d "%~dp0"
if not exist .venv py -3 -m venv .venv || python -m venv .venv
.venv\Scripts\python -m pip install --disable-pip-version-check -q -r requirements.txt || exit /b 1
.venv\Scripts\python -m app %*
