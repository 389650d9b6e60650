// The times until which a conversation may be put aside, in the reader's own time zone.

const MORNING = 9; // o'clock
const HOURS = 3;

/** The time by its name as ISO 8601; "" means until the customer writes. */
export function later(name, now = new Date()) {
  if (name === "customer") return "";
  const at = new Date(now);
  if (name === "hours") {
    at.setHours(at.getHours() + HOURS);
    return at.toISOString();
  }
  const days = name === "monday" ? ((8 - at.getDay()) % 7) || 7 : 1;
  at.setDate(at.getDate() + days);
  at.setHours(MORNING, 0, 0, 0);
  return at.toISOString();
}
