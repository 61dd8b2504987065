#!/bin/sh
# Installs Chromium where there is no browser yet and the package manager may. Where it may not, nothing happens: the
# browser tests then fail with a sentence on what to install.
set -u
for name in chromium chromium-browser google-chrome google-chrome-stable chrome microsoft-edge msedge; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ]; then exit 0; fi
if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else exit 0; fi
if command -v apt-get >/dev/null 2>&1; then
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
elif command -v dnf >/dev/null 2>&1; then
    $as_root dnf install -y -q chromium
elif command -v apk >/dev/null 2>&1; then
    $as_root apk add -q chromium font-dejavu
elif command -v pacman >/dev/null 2>&1; then
    $as_root pacman -S --noconfirm --quiet chromium
fi
exit 0
