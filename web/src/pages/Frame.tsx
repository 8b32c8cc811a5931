// The frame of every page after sign-in: where one can go, whether the hub is there, and who one is.

import { useSyncExternalStore } from "react";
import { Navigate, NavLink, Outlet, useLocation, useNavigation } from "react-router";
import { live, useLive } from "../live/hub";
import { onChange, signOut, user } from "../session";

export function Frame() {
  const me = useSyncExternalStore(onChange, user);
  const { pathname } = useLocation();
  const loading = useNavigation().state === "loading";
  if (!me) return <Navigate to={`/signin?next=${encodeURIComponent(pathname)}`} replace />;
  return (
    <>
      <header className="bar" aria-busy={loading}>
        <span className="brand">mshub</span>
        <nav aria-label="Pages">
          <NavLink to="/rooms">Rooms</NavLink>
          <NavLink to="/convert">Convert</NavLink>
          <NavLink to="/profile">{me.name}</NavLink>
        </nav>
        <LinkState />
        <button className="quiet" onClick={() => void signOut()}>Sign out</button>
      </header>
      <main className="page"><Outlet /></main>
    </>
  );
}

function LinkState() {
  const link = useLive((state) => state.link);
  switch (link.is) {
    case "live":
      return <span className="link live" role="status">● live</span>;
    case "waiting":
      return <span className="link" role="status">○ {link.why} <button className="quiet" onClick={() => live.hurry()}>Try now</button></span>;
    case "stopped":
      return <span className="link" role="status">✕ {link.why}</span>;
    case "off":
    case "connecting":
      return <span className="link" role="status">○ connecting…</span>;
  }
}
