// The frame of the pages before sign-in: one card in the middle.

import * as m from "motion/react-m";
import type { ReactNode } from "react";

export function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="card-page">
      <m.section className="card" initial={{ opacity: 0, y: 8 }} animate={{ opacity: 1, y: 0 }} transition={{ duration: 0.18 }}>
        <p className="brand">mshub</p>
        <h1>{title}</h1>
        {children}
      </m.section>
    </main>
  );
}
