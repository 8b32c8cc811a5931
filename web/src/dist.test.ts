// The committed build: what it promises to the content security policy and to the gateway that serves it.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const dist = new URL("../dist/", import.meta.url);
const page = readFileSync(new URL("index.html", dist), "utf8");
const files = readdirSync(dist, { recursive: true }).map(String);

test("nothing is inlined, so that the policy needs only 'self'", () => {
  expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|data:/i);
  expect([...page.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].every(([tag, inside]) => tag.includes("src=") && inside === "")).toBe(true);
});

test("every file that the page names is there, under this origin", () => {
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);

  expect(named.length).toBeGreaterThan(2);
  for (const path of named) {
    expect(path).toMatch(/^\/assets\//);
    expect(existsSync(new URL(`.${path}`, dist)), path).toBe(true);
  }
});

test("no source map is committed", () => {
  expect(files.filter((file) => file.endsWith(".map"))).toEqual([]);
});
