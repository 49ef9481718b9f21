// Elements are built, never parsed from text: nothing of the data can become markup.

function element(name, properties = {}, ...children) {
  const { class: classes, aria = {}, data = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  if (classes) made.className = classes;
  for (const [key, value] of Object.entries(aria)) made.setAttribute(`aria-${key}`, value);
  Object.assign(made.dataset, data);
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

// Shows the text in a banner; none hides it.
function banner(id, ...children) {
  const place = byId(id);
  place.replaceChildren(...children);
  place.hidden = children.length === 0;
}
