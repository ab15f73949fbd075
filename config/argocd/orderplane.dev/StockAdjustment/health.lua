-- What Argo CD shows of a StockAdjustment.
local hs = { status = "Progressing", message = "waits for the stock controller, or for its product to exist" }
local status = obj.status
if status == nil or status.phase == nil or status.phase == "Pending" then
  return hs
end
hs.message = status.phase
for _, c in ipairs(status.conditions or {}) do
  if c.type == "Applied" and c.message ~= nil and c.message ~= "" then
    hs.message = c.message
  end
end
if status.phase == "Applied" then
  hs.status = "Healthy"
else
  hs.status = "Degraded"
end
return hs
