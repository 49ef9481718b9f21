// Keys are bytes. They are shown as text where all of it can be read, in hex where not.

function bytesOf(base64) {
  return base64 ? Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)) : new Uint8Array();
}

function compareBytes(a, b) {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Controls, marks that turn the writing direction, and spaces other than the plain one cannot be told apart by eye.
const UNREADABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

function readableKey(bytes) {
  try {
    const text = utf8.decode(bytes);
    if (!UNREADABLE.test(text)) return text;
  } catch {
    // Not UTF-8.
  }
  return "0x" + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// Neighbouring keys differ at the end, so that is kept too.
function cutMiddle(text, most) {
  const chars = Array.from(text);
  if (chars.length <= most) return text;
  const tail = Math.floor((most - 1) / 2);
  return chars.slice(0, most - 1 - tail).join("") + "…" + chars.slice(chars.length - tail).join("");
}

function startText(bytes) {
  return bytes.length ? readableKey(bytes) : "first key";
}

function rangeText(row, most) {
  const text = (bytes, unbounded) => (bytes.length ? cutMiddle(readableKey(bytes), most) : unbounded);
  return `[${text(row.start, "first key")}, ${text(row.end, "∞")})`;
}
