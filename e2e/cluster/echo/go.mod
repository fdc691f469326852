module holdfast.dev/e2e/echo

go 1.24
