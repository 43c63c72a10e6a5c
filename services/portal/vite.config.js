// Pages that may be served under a strict Content-Security-Policy: nothing inline, nothing from elsewhere.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  build: { target: "es2020", assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
});
