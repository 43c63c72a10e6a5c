module huiju.local/pause

go 1.26.0
