"""JavaScript that actions run in a real page."""

from __future__ import annotations

PAGE = {
    "state": (
        "({url: location.href, title: document.title, html: document.documentElement.outerHTML})"
    ),
    "getHtml": "document.documentElement.outerHTML",
    "getTitle": "document.title",
    "extract": (
        "({url: location.href, title: document.title,"
        " results: (document.body ? document.body.innerText : '').slice(0, 65536)})"
    ),
}
PAGE["extractFromPlan"] = PAGE["extract"]
"""Method → the expression that is its result."""

SNAPSHOT = """
(() => {
  let number = 0;
  const wanted = "a,button,input,select,textarea,[role],h1,h2,h3,p,li";
  for (const each of document.querySelectorAll(wanted)) each.dataset.element = ++number;
  return document.documentElement.outerHTML;
})()
"""

ELEMENT = """
(selector, method, value) => {
  let all;
  try { all = document.querySelectorAll(selector); }
  catch { return {problem: "INVALID_TARGET"}; }
  if (all.length === 0) return {problem: "TARGET_NOT_FOUND"};
  const element = all[0];
  element.scrollIntoView({block: "center", inline: "center"});
  const {x, y, width, height} = element.getBoundingClientRect();
  if (method && (width === 0 || height === 0)) return {problem: "NOT_VISIBLE"};
  if (method && element.disabled) return {problem: "NOT_ENABLED"};
  if (method === "input") {
    if (!("value" in element) && !element.isContentEditable) return {problem: "NOT_EDITABLE"};
    element.focus();
    if (element.select) element.select();
  }
  if (method === "select") {
    if (element.tagName !== "SELECT") return {problem: "NOT_EDITABLE"};
    element.value = value;
    if (element.value !== value) return {problem: "INVALID_OPTIONS"};
    for (const kind of ["input", "change"]) {
      element.dispatchEvent(new Event(kind, {bubbles: true}));
    }
  }
  const attributes = {};
  for (const each of element.attributes) attributes[each.name] = each.value;
  return {
    text: element.innerText ?? element.textContent, value: element.value ?? "",
    attributes, box: {x, y, width, height},
  };
}
"""
