#include "report/html.h"

#include "report/escape.h"

static const char style_sheet[] =
    ":root{color-scheme:light dark;--ink:#1b2430;--muted:#5b6675;--paper:#fff;"
    "--panel:#f5f7f9;--line:#d5dbe2;--accent:#0a5ea8;--warn:#8a4b00;--warnbg:#fff4e0}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e9ef;--muted:#a3afbd;"
    "--paper:#12171d;--panel:#1b222a;--line:#38424e;--accent:#7fbdf5;--warn:#ffc46b;"
    "--warnbg:#33270f}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    "overflow-wrap:anywhere}\n"
    "main,footer{max-width:75rem;margin:0 auto;padding:0 1rem}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:1.5rem 0 .5rem}\n"
    "h2{font-size:1.25rem;margin:2.2rem 0 .5rem;padding-top:.6rem;"
    "border-top:1px solid var(--line)}\n"
    "h3{font-size:1rem;margin:1.5rem 0 .3rem}\n"
    "p{margin:.4rem 0;max-width:52rem}\n"
    "a{color:var(--accent)}\n"
    "nav{font-size:.9rem}nav a{margin-right:.9rem;display:inline-block;padding:.2rem "
    "0}\n"
    ".note,figcaption,footer{color:var(--muted);font-size:.88rem}\n"
    ".warn{background:var(--warnbg);color:var(--warn);border-left:4px solid "
    "currentColor;"
    "padding:.4rem .7rem}\n"
    ".scroll{overflow-x:auto;margin:.5rem 0}\n"
    "table{border-collapse:collapse;font-size:.88rem;overflow-wrap:normal}\n"
    "th,td{padding:.25rem .6rem;text-align:left;border-bottom:1px solid var(--line);"
    "vertical-align:top}\n"
    "td.text{max-width:36rem}td.long{min-width:11rem;overflow-wrap:anywhere}\n"
    "th{background:var(--panel);vertical-align:bottom}\n"
    ".num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".best{font-weight:700}.tied::after{content:'\\2020';font-weight:400}\n"
    "tr.base td{color:var(--muted);font-style:italic}\n"
    ".sort th{cursor:pointer}.sort th:focus-visible{outline:2px solid var(--accent)}\n"
    "th[aria-sort=ascending]::after{content:' \\25B2'}"
    "th[aria-sort=descending]::after{content:' \\25BC'}\n"
    "tbody tr:hover{background:var(--panel)}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));"
    "gap:.7rem;margin:.8rem 0}\n"
    ".card{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;"
    "padding:.6rem .8rem}.card b{display:block;font-size:1.25rem}\n"
    "figure{margin:1rem 0}figure "
    "svg{display:block;width:100%;min-width:720px;max-width:960px;height:auto}\n"
    "details{margin:.6rem 0}summary{cursor:pointer;color:var(--accent)}\n"
    "footer{margin-top:2.5rem;padding-bottom:1.5rem;border-top:1px solid var(--line)}\n"
    "@media print{:root{color-scheme:light;--ink:#000;--muted:#333;--paper:#fff;"
    "--panel:#fff;--line:#999;--accent:#000;--warn:#000;--warnbg:#fff}"
    "body{font-size:10pt}nav{display:none}.scroll{overflow:visible}"
    "tr,figure,.card{break-inside:avoid}thead{display:table-header-group}"
    "h2,h3{break-after:avoid}figure svg{min-width:0;max-width:100%}}\n";

/* Rows of class base keep their place below the others. */
static const char script[] =
    "'use strict';document.querySelectorAll('table.sort').forEach(t=>{"
    "const heads=[...t.tHead.rows[0].cells],body=t.tBodies[0];"
    "const value=(row,i)=>{const c=row.cells[i];if(!c)return'';"
    "return c.dataset.v!==undefined?(c.dataset.v===''?NaN:+c.dataset.v):c.textContent};"
    "heads.forEach((h,i)=>{h.tabIndex=0;h.title='Sort';"
    "const sort=()=>{const up=h.getAttribute('aria-sort')==='descending';"
    "heads.forEach(o=>o.removeAttribute('aria-sort'));"
    "h.setAttribute('aria-sort',up?'ascending':'descending');"
    "const rows=[...body.rows],base=rows.filter(r=>r.classList.contains('base')),"
    "rest=rows.filter(r=>!r.classList.contains('base'));"
    "rest.sort((a,b)=>{const x=value(a,i),y=value(b,i);"
    "if(typeof x==='number'&&typeof y==='number'){"
    "if(isNaN(x)||isNaN(y))return isNaN(x)-isNaN(y);return up?x-y:y-x}"
    "const c=String(x).localeCompare(String(y));return up?c:-c});"
    "rest.concat(base).forEach(r=>body.append(r))};"
    "h.addEventListener('click',sort);h.addEventListener('keydown',e=>{"
    "if(e.key==='Enter'||e.key===' '){e.preventDefault();sort()}})})});";

void html_begin(FILE *out, const char *title, const char *style)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
    escape_html(out, title);
    fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n<main>\n<h1>",
            style_sheet, style ? style : "");
    escape_html(out, title);
    fputs("</h1>\n", out);
}

void html_end(FILE *out)
{
    fprintf(out,
            "</main>\n<footer><p>Written by shiftwork %s.</p></footer>\n"
            "<script>%s</script>\n</body>\n</html>\n",
            SHIFTWORK_VERSION, script);
}
