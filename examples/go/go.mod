module newstally.example/upload

go 1.24
