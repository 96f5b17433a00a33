#!/bin/sh
# screenshots.sh EDGEK MODEL FOLDER: pictures of the HTML report as its readers see it, in FOLDER: report.html,
# desktop.png, dark.png, phone.png, paper-*.png (a page each), and top.png, small enough for the documents.
# Needs Chromium and pdftoppm (packages chromium, poppler-utils); pngquant and optipng make top.png smaller.
set -eu
. "$(dirname "$0")/lib.sh"
edgek=$1 model=$2 folder=$3

for browser in chromium chromium-browser google-chrome ''; do
  if [ -z "$browser" ]; then echo "screenshots.sh: no Chromium here" >&2; exit 1; fi
  if have "$browser"; then break; fi
done
sandbox=
if [ "$(id -u)" = 0 ]; then sandbox=--no-sandbox; fi  # Chromium as root refuses to start with its own

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
page=$folder/report.html

# shot NAME WIDTH HEIGHT PAGE [OPTION...]
shot() {
  name=$1 size=$2,$3 url=file://$4; shift 4
  "$browser" --headless=new $sandbox --disable-gpu --hide-scrollbars --window-size="$size" \
    --screenshot="$folder/$name.png" "$@" "$url" >/dev/null 2>&1
}

"$edgek" roofline "$model" --context-sweep 128,1024,2048,4096 -o html --out "$page"
shot desktop 1200 5400 "$page"
shot dark 1200 5400 "$page" --blink-settings=preferredColorScheme=0
shot top 1200 985 "$page"

# No window is narrower than 500 pixels, but a frame is.
cat >"$folder/phone.html" <<'HTML'
<body style="margin:0"><iframe src="report.html" style="border:0;width:390px;height:9000px"></iframe>
HTML
shot phone 500 9000 "$folder/phone.html"

"$browser" --headless=new $sandbox --disable-gpu --no-pdf-header-footer --print-to-pdf="$folder/paper.pdf" \
  "file://$page" >/dev/null 2>&1
pdftoppm -r 80 -png "$folder/paper.pdf" "$folder/paper"

if have pngquant; then pngquant --force --skip-if-larger --ext .png 64 "$folder/top.png"; fi
if have optipng; then optipng -quiet -o5 "$folder/top.png"; fi
ls -l "$folder"
