"""R4's definitions, distilled: elements, profiles, search parameters, our extensions."""
