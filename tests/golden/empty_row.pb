
route:1@