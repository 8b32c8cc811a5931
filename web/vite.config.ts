// Builds what the gateway serves: nothing inlined (the content security policy allows only 'self'), no source maps
// (the result is committed), and file names by content hash (so that they may be cached for ever).
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    license: { fileName: "licences.md" },
    // The libraries change rarely: in files of their own, a change of the page is small in git and in caches. What moves
    // things is not among them: only the pages that move something fetch it.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "libraries", test: /node_modules\/(react|react-dom|react-router|scheduler|cookie|set-cookie-parser)\// }] } } },
  },
  server: { proxy: { "/api": { target: "http://127.0.0.1:8000", ws: true }, "/objects": "http://127.0.0.1:8000" } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
