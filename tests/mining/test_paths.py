"""Which files are left out."""

import pytest

from mining.filters import skipped_path

LEFT_OUT = {
    "lock file": "package-lock.json web/yarn.lock pnpm-lock.yaml go.sum Cargo.lock uv.lock "
    "bun.lockb gradle.lockfile packages.lock.json Package.resolved npm-shrinkwrap.json",
    "vendored": "vendor/a.go src/third_party/x.h web/node_modules/a/b.js Pods/A.m",
    "minified": "static/app.min.js css/site-min.css",
    "generated": "api/v1.pb.go x_pb2.py x_pb2_grpc.pyi zz_generated.deepcopy.go "
    "src/__generated__/a.ts dist/index.js a.g.dart form.Designer.cs schema.gen.ts types_gen.go "
    "__snapshots__/a.snap nb.ipynb model_generated.h app.js.map",
    "not text": "logo.PNG doc.pdf lib/a.so model.safetensors font.woff2",
}

READ = (
    "src/ecmult_gen.h src/precompute_ecmult_gen.c distance.py vendors.py locks.py builder/lock.py "
    "README.md a/vendored.py generated.py src/map.js main.go admin.js .github/workflows/ci.yml "
    "build/Makefile yarn.lock.md"
)


@pytest.mark.parametrize(
    ("path", "reason"),
    [(path, reason) for reason, paths in LEFT_OUT.items() for path in paths.split()],
)
def test_files_that_nobody_writes_are_left_out(path: str, reason: str) -> None:
    assert skipped_path(path, ()) == reason


@pytest.mark.parametrize("path", READ.split())
def test_files_that_people_write_are_read(path: str) -> None:
    assert skipped_path(path, ()) is None


@pytest.mark.parametrize(
    ("glob", "path", "ignored"),
    [
        ("docs/*", "docs/a/b.md", True),
        ("docs/", "docs/a/b.md", True),
        ("docs/", "src/docs/a.md", False),
        ("*.md", "a/b.md", True),
        ("*.md", "a/b.mdx", False),
        ("a/b.py", "a/b.py", True),
        ("A/*", "a/b.py", False),
    ],
)
def test_globs_of_the_settings_leave_files_out(glob: str, path: str, ignored: bool) -> None:
    assert skipped_path(path, ("nothing", glob)) == ("ignored by settings" if ignored else None)
