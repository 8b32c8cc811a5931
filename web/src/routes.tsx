// Every page on one page.

import { createBrowserRouter, type LoaderFunctionArgs, redirect } from "react-router";
import { Chat, loadChat } from "./pages/Chat";
import { Failed } from "./pages/Failed";
import { Frame } from "./pages/Frame";
import { loadRooms, NoRoom, Rooms } from "./pages/Rooms";
import { SignIn } from "./pages/SignIn";
import { SignUp } from "./pages/SignUp";
import { Verify } from "./pages/Verify";
import { user } from "./session";

/** Signed-out people are sent to the sign-in page and come back afterwards. */
function signedIn<T>(load?: (args: LoaderFunctionArgs) => Promise<T>) {
  return (args: LoaderFunctionArgs): Promise<T> | Response | null => {
    if (user()) return load ? load(args) : null;
    const { pathname } = new URL(args.request.url);
    return redirect(`/signin?next=${encodeURIComponent(pathname)}`);
  };
}

/** Fetched when somebody goes there: the first look is at rooms. */
async function convert() {
  const { Convert, loadConvert } = await import("./pages/Convert");
  return { loader: signedIn(loadConvert), Component: Convert };
}

async function profile() {
  const { Profile, loadProfile } = await import("./pages/Profile");
  return { loader: signedIn(loadProfile), Component: Profile };
}

export const router = createBrowserRouter([
  {
    ErrorBoundary: Failed,
    HydrateFallback: () => null,
    children: [
      { path: "/signin", Component: SignIn },
      { path: "/signup", Component: SignUp },
      { path: "/verify", Component: Verify },
      {
        path: "/",
        loader: signedIn(),
        Component: Frame,
        children: [
          {
            ErrorBoundary: Failed,
            children: [
              { index: true, loader: () => redirect("/rooms"), Component: () => null },
              {
                path: "rooms",
                id: "rooms",
                loader: signedIn(loadRooms),
                Component: Rooms,
                children: [
                  { index: true, Component: NoRoom },
                  { path: ":room", loader: signedIn(loadChat), Component: Chat, ErrorBoundary: Failed },
                ],
              },
              { path: "convert", lazy: convert },
              { path: "profile", lazy: profile },
              { path: "*", Component: () => <p className="empty">There is no such page.</p> },
            ],
          },
        ],
      },
    ],
  },
]);
