"""The document of the API by other people's code: whether `src/http/openapi.json` is OpenAPI 3.1, for what the tests of
`src/http/contract.rs` do not look at (they hold it against routes, parameters and answers).

    pip install openapi-spec-validator==0.9.0
    python3 tests/oracles/openapi.py

Prints what is wrong, or how many paths, operations and schemas are right.
"""

import json
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

path = Path(__file__).resolve().parents[2] / "src/http/openapi.json"
document = json.loads(path.read_text(encoding="utf-8"))
wrong = list(OpenAPIV31SpecValidator(document).iter_errors())
for error in wrong:
    print("/".join(map(str, error.absolute_path)), error.message)
operations = sum(len(methods) for methods in document["paths"].values())
print(len(document["paths"]), "paths,", operations, "operations,", len(document["components"]["schemas"]), "schemas")
raise SystemExit(1 if wrong else 0)
