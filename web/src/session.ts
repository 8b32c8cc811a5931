// Who is signed in. A refresh token works once, so that tabs take turns: one exchanges it, the others read the new one.

import { Problem, request } from "./api";
import { clearUnsent } from "./unsent";
import { clearBegun } from "./uploads/begun";
import type { Me, Tokens } from "./wire";

const KEY = "mshub.session";
const EARLY_MS = 30_000;

type Stored = { refresh: string; user: Me };

let access: { token: string; until: number } | undefined;
const listeners = new Set<() => void>();
/** What `localStorage` held when it was last looked at, so that `user()` returns the same object until it changes. */
let seen: { text: string | null; value: Stored | undefined } = { text: null, value: undefined };

function stored(): Stored | undefined {
  const text = localStorage.getItem(KEY);
  if (text !== seen.text) seen = { text, value: text ? (JSON.parse(text) as Stored) : undefined };
  return seen.value;
}

function store(value: Stored | undefined): void {
  if (value) localStorage.setItem(KEY, JSON.stringify(value));
  else localStorage.removeItem(KEY);
  for (const listener of listeners) listener();
}

function accept(tokens: Tokens): void {
  access = { token: tokens.access_token, until: Date.now() + tokens.expires_in * 1000 };
  store({ refresh: tokens.refresh_token, user: tokens.user });
}

/** The signed-in account, or nothing. */
export const user = (): Me | undefined => stored()?.user;

export function onChange(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

/** Shows a changed profile everywhere at once. */
export function setUser(me: Me): void {
  const now = stored();
  if (now) store({ ...now, user: me });
}

export async function signIn(email: string, password: string): Promise<void> {
  accept(await request<Tokens>("POST", "/api/v1/auth/login", { body: { email, password, device: "web" }, open: true }));
}

/** Ends the session on the hub, if it can be reached, and here in any case. */
export async function signOut(): Promise<void> {
  await request("POST", "/api/v1/auth/logout").catch(() => undefined);
  clearUnsent(user()?.id);
  clearBegun(user()?.id);
  forget();
}

export function forget(): void {
  access = undefined;
  store(undefined);
}

let refreshing: Promise<string> | undefined;

/** An access token with at least half a minute left; throws a problem with status 401 when the session is over. */
export function accessToken(renew = false): Promise<string> {
  if (!renew && access && access.until - Date.now() > EARLY_MS) return Promise.resolve(access.token);
  refreshing ??= oneTabAtATime(refresh).finally(() => (refreshing = undefined));
  return refreshing;
}

/** When the access token ends, in milliseconds from now. */
export const accessLeft = (): number => (access ? access.until - Date.now() : 0);

async function refresh(): Promise<string> {
  const now = stored();
  if (!now) throw new Problem({ title: "Sign in first.", status: 401, detail: "You are signed out.", code: "MSH-4010" });
  try {
    accept(await request<Tokens>("POST", "/api/v1/auth/refresh", { body: { refresh_token: now.refresh }, open: true }));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) forget();
    throw error;
  }
  return access!.token;
}

/** Web Locks exist on https and localhost only; elsewhere the tabs of one browser may have to sign in twice. */
function oneTabAtATime<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(KEY, work).then((value) => value as T) : work();
}
