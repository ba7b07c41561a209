import { defineConfig } from "vitest/config";

// Needs an API and a proxy in front of it: tests/dashboard_api/test_crew_real_api.py starts both, and this.
export default defineConfig({ test: { include: ["tests/real_api/**/*.campaign.ts"] } });
