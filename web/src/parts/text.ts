// Numbers and times as people read them.

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const step = Math.min(Math.max(Math.floor(Math.log2(Math.max(count, 1)) / 10), 0), units.length - 1);
  const value = count / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const otherDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export function time(moment: string, now = new Date()): string {
  const date = new Date(moment);
  return (date.toDateString() === now.toDateString() ? today : otherDay).format(date);
}

const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** All of a moment. */
export const moment = (text: string): string => whole.format(new Date(text));

const dayOf = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** The day of a moment, in words. */
export const day = (text: string): string => dayOf.format(new Date(text));

/** The ending of a file name, in lower case and without the dot. */
export const ending = (name: string): string => (name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "");
