// Every page on one page.

import { createBrowserRouter, type LoaderFunctionArgs, redirect } from "react-router";
import { Chat, loadChat } from "./pages/Chat";
import { Convert, loadConvert } from "./pages/Convert";
import { Failed } from "./pages/Failed";
import { Frame } from "./pages/Frame";
import { loadProfile, Profile } from "./pages/Profile";
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
              { path: "convert", loader: signedIn(loadConvert), Component: Convert },
              { path: "profile", loader: signedIn(loadProfile), Component: Profile },
              { path: "*", Component: () => <p className="empty">There is no such page.</p> },
            ],
          },
        ],
      },
    ],
  },
]);
