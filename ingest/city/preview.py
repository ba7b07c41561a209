"""A map of a register as one HTML file that asks no other machine for anything: canvas, pan, zoom, and what was found.

Written beside a dry run, so that a person sees a wrong zone, a lost district or a cabinet's wrong lamps at a glance.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np

from ingest.city.extent import extent_of
from ingest.city.importing import Draft
from ingest.errors import UnusableError
from ingest.register.issue import printable
from ingest.register.register import Lamps

_MOST_ISSUES: Final = 200
_MOST_NAMED: Final = 100_000  # lamps whose ids the file carries; beyond it only their places

_PAGE: Final = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>
body{margin:0;font:14px/1.4 system-ui,sans-serif;color:#223;display:grid;grid-template-columns:1fr 24em;height:100vh}
canvas{width:100%;height:100vh;display:block;background:#f6f7f9;cursor:grab;touch-action:none}
aside{overflow:auto;padding:1em;border-left:1px solid #ccd;box-sizing:border-box}
h1{font-size:1.15em;margin:0 0 .5em}h2{font-size:1em;margin:1.2em 0 .3em}
table{border-collapse:collapse}td{padding:.1em .6em .1em 0;vertical-align:top}td:first-child{text-align:right}
ul{padding-left:1.2em;margin:.2em 0}li{overflow-wrap:anywhere}.refused{color:#a02020}
.key span{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em;vertical-align:-1px}
#at{position:fixed;left:1em;bottom:1em;background:#fffd;padding:.2em .6em;border-radius:4px;pointer-events:none}
@media(max-width:50em){body{grid-template-columns:1fr;grid-template-rows:60vh auto;height:auto}canvas{height:60vh}}
</style></head><body>
<canvas id="map" aria-label="Map of the lamps"></canvas><div id="at"></div>
<aside><h1>$title</h1><p>$subtitle</p>
<p class="key"><span style="background:#1668b0"></span>lamps that would be taken<br>
<span style="background:#c8641e"></span>lamps without a cabinet<br>
<span style="background:#111;border-radius:0"></span>cabinets<br>
<span style="background:#b9bdc9"></span>lamps of the register in force</p>
<table>$rows</table><h2>Changes</h2><ul>$changes</ul><h2>Findings</h2><ul>$issues</ul></aside>
<script id="data" type="application/json">$data</script>
<script>
"use strict";
const d=JSON.parse(document.getElementById("data").textContent),c=document.getElementById("map"),g=c.getContext("2d");
const at=document.getElementById("at");let k=1,ox=0,oy=0,r=1;
const shrink=Math.cos((d.box[0]+d.box[2])/2*Math.PI/180)||1;
const X=lon=>ox+(lon-d.box[1])*shrink*k,Y=lat=>oy-(lat-d.box[0])*k;
function fit(){r=devicePixelRatio||1;c.width=c.clientWidth*r;c.height=c.clientHeight*r;
 const w=Math.max((d.box[3]-d.box[1])*shrink,2e-4),h=Math.max(d.box[2]-d.box[0],2e-4);
 k=.9*Math.min(c.width/w,c.height/h);ox=(c.width-(d.box[3]-d.box[1])*shrink*k)/2;oy=c.height-(c.height-(d.box[2]-d.box[0])*k)/2;draw()}
function dots(lat,lon,color,size,pick){g.fillStyle=color;for(let i=0;i<lat.length;i++){if(pick&&!pick(i))continue;
 const x=X(lon[i]),y=Y(lat[i]);if(x<-9||y<-9||x>c.width+9||y>c.height+9)continue;g.fillRect(x-size/2,y-size/2,size,size)}}
function grid(){const span=c.width/k/shrink;let step=10**Math.floor(Math.log10(span/3));if(span/step>8)step*=2;if(span/step>8)step*=2.5;
 g.strokeStyle="#e1e4ea";g.fillStyle="#889";g.lineWidth=1;g.font=11*r+"px system-ui";
 const digits=Math.max(0,-Math.floor(Math.log10(step)))+1;
 const w=d.box[1]-ox/shrink/k,s=d.box[0]-(c.height-oy)/k;
 for(let v=Math.ceil(w/step)*step;X(v)<c.width;v+=step){g.beginPath();g.moveTo(X(v),0);g.lineTo(X(v),c.height);g.stroke();g.fillText(v.toFixed(digits)+"°",X(v)+3,12*r)}
 for(let v=Math.ceil(s/step)*step;Y(v)>0;v+=step){g.beginPath();g.moveTo(0,Y(v));g.lineTo(c.width,Y(v));g.stroke();g.fillText(v.toFixed(digits)+"°",3,Y(v)-3)}
 let m=10**Math.floor(Math.log10(span*111195*shrink/4));const px=m/111195*k;g.fillStyle="#223";
 g.fillRect(c.width-px-20*r,c.height-16*r,px,3*r);g.fillText(m>=1000?m/1000+" km":m+" m",c.width-px-20*r,c.height-22*r)}
function draw(){g.clearRect(0,0,c.width,c.height);grid();const n=Math.max(2,Math.min(9,k/3e5))*r;
 dots(d.old[0],d.old[1],"#b9bdc9",n+2*r);dots(d.lat,d.lon,"#1668b0",n,i=>d.fed[i]);dots(d.lat,d.lon,"#c8641e",n,i=>!d.fed[i]);
 dots(d.cab[0],d.cab[1],"#111",n+4*r)}
let drag=null;c.onpointerdown=e=>{drag=[e.clientX,e.clientY];c.setPointerCapture(e.pointerId)};c.onpointerup=()=>drag=null;
c.onpointermove=e=>{if(drag){ox+=(e.clientX-drag[0])*r;oy+=(e.clientY-drag[1])*r;drag=[e.clientX,e.clientY];draw();return}
 const b=c.getBoundingClientRect(),px=(e.clientX-b.left)*r,py=(e.clientY-b.top)*r;let best=-1,near=(12*r)**2;
 for(let i=0;i<d.lat.length;i++){const dx=X(d.lon[i])-px,dy=Y(d.lat[i])-py,q=dx*dx+dy*dy;if(q<near){near=q;best=i}}
 at.textContent=best<0?"":(d.id[best]||"lamp")+" · "+d.lat[best].toFixed(6)+", "+d.lon[best].toFixed(6)+(d.what[best]?" · "+d.what[best]:"")};
c.onwheel=e=>{e.preventDefault();const b=c.getBoundingClientRect(),px=(e.clientX-b.left)*r,py=(e.clientY-b.top)*r,f=Math.exp(-e.deltaY/400);
 ox=px-(px-ox)*f;oy=py-(py-oy)*f;k*=f;draw()};
addEventListener("resize",fit);fit();
</script></body></html>
""")


def write_preview(path: Path, draft: Draft, old: Lamps | None, source: str, rows: list[str], changes: list[str]) -> None:
    """Write the map.

    Args:
        path: the file to write.
        draft: what would be imported.
        old: lamps of the register in force, shown beneath.
        source: the source's name.
        rows: lines of the summary, ``number<TAB>text``.
        changes: lines of the difference.

    Raises:
        UnusableError: the file cannot be written.
    """
    lamps = draft.lamps
    extent = extent_of(lamps.latitude, lamps.longitude)
    assert extent is not None
    is_named = len(lamps) <= _MOST_NAMED
    data: dict[str, Any] = {
        "box": [extent.south, extent.west, extent.north, extent.east],
        "lat": _rounded(lamps.latitude),
        "lon": _rounded(lamps.longitude),
        "fed": (lamps.cabinet >= 0).astype(int).tolist(),
        "id": [printable(lamp_id) for lamp_id in lamps.lamp_id] if is_named else [],
        "what": _what(lamps) if is_named else [],
        "old": [[], []] if old is None else [_rounded(old.latitude), _rounded(old.longitude)],
        "cab": [_rounded(axis[~np.isnan(axis)]) for axis in (draft.cabinets.latitude, draft.cabinets.longitude)],
    }
    text = _PAGE.substitute(
        title=_safe(f"{source}: {len(lamps):,} lamps"),
        subtitle=_safe(f"{extent}, read in {draft.crs}"),
        rows="".join(f"<tr><td>{_safe(n)}</td><td>{_safe(what)}</td></tr>" for n, what in (r.split("\t") for r in rows)),
        changes="".join(f"<li>{_safe(line)}</li>" for line in changes) or "<li>none</li>",
        issues=_issue_list(draft),
        # nothing that a register holds may end the script element
        data=json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c").replace("\u2028", " "),
    )
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror or error}") from error


def _issue_list(draft: Draft) -> str:
    issues = sorted(draft.issues, key=lambda issue: not issue.is_refused)
    items = [
        f"<li{' class=refused' if issue.is_refused else ''}>{_safe(str(issue))}</li>" for issue in issues[:_MOST_ISSUES]
    ]
    if len(issues) > _MOST_ISSUES:
        items.append(f"<li>… and {len(issues) - _MOST_ISSUES:,} more; --report writes all of them</li>")
    return "".join(items) or "<li>none</li>"


def _what(lamps: Lamps) -> list[str]:
    rated = lamps.rated_power_w.tolist()
    return [
        printable(" ".join(part for part in (tech, f"{power:g} W" if power == power else "", cabinet, street) if part))  # noqa: PLR0124  # NaN
        for tech, power, cabinet, street in zip(lamps.technology, rated, lamps.cabinet_id, lamps.street, strict=True)
    ]


def _rounded(values: Any) -> list[float]:
    rounded: list[float] = np.round(values, 6).tolist()
    return rounded


def _safe(text: str) -> str:
    return html.escape(printable(text))
