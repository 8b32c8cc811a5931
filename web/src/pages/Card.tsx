// The frame of the pages before sign-in: one card in the middle.

import type { ReactNode } from "react";

export function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="card-page">
      <section className="card">
        <p className="brand">mshub</p>
        <h1>{title}</h1>
        {children}
      </section>
    </main>
  );
}
