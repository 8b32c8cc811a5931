// A text as people read it: who is named stands out, and addresses of the web can be followed.

import { Fragment } from "react";
import type { Member } from "../wire";
import { pieces } from "./mentions";

type Props = {
  text: string;
  people: readonly Member[];
  /** Whom the hub says it names; before it has said so, everybody who fits. */
  named?: readonly string[];
  me?: string;
};

/** Without the signs that end a sentence after it. */
const ADDRESS = /(https?:\/\/[^\s<>"]*[^\s<>".,:;!?)\]}'])/;

export function Words({ text, people, named, me }: Props) {
  return pieces(text, people).map((piece, at) => {
    const who = piece.who?.filter((id) => !named || named.includes(id)) ?? [];
    if (who.length) return <mark key={at} className={me && who.includes(me) ? "me" : undefined}>{piece.text}</mark>;
    return <Fragment key={at}>{piece.text.split(ADDRESS).map((part, odd) => (odd % 2 ? <a key={odd} href={part} target="_blank" rel="noreferrer noopener">{part}</a> : part))}</Fragment>;
  });
}
