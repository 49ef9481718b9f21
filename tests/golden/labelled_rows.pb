
€Ð•ÿ¼1à¤™ÿ¼1
route:1am@Z$
route:1:dynamoam"dynamo@Z<
route:1:some-later_label/2am"some-later_label/2@Z