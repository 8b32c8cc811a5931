// Somebody's photo as an address of this page: an `<img>` cannot send the access token itself.

import { useEffect, useState } from "react";
import { content } from "../api";

export function usePhoto(who: { id: string; has_photo: boolean }, version = 0): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!who.has_photo) return setUrl(undefined);
    let made: string | undefined;
    let gone = false;
    void content(`/api/v1/users/${who.id}/photo`).then((blob) => {
      if (!gone) setUrl((made = URL.createObjectURL(blob)));
    }, () => setUrl(undefined));
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [who.id, who.has_photo, version]);
  return url;
}
