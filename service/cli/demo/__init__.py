"""River's story: casebridge demo, and serve --demo."""
